COPY (
    SELECT d.*
    FROM decision d
    WHERE d.topic = $topic AND d.partition = $partition AND d."offset" >= $from AND d."offset" < $to
    ORDER BY d."offset"
) TO STDOUT (FORMAT binary)
