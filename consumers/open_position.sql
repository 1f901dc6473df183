-- Where a partition stands; where it begins if nobody has read it before.
WITH begun AS (
    INSERT INTO position (topic, partition, next_offset, published_offset, first_offset)
    VALUES ($1, $2, $3, $3, $3)
    ON CONFLICT (topic, partition) DO NOTHING
    RETURNING next_offset, published_offset
)
SELECT next_offset, published_offset FROM begun
UNION ALL
SELECT next_offset, published_offset FROM position WHERE topic = $1 AND partition = $2
LIMIT 1
