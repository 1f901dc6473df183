COPY (
    SELECT a.*
    FROM decision d
    JOIN application a USING (application_id)
    WHERE d.topic = $topic AND d.partition = $partition AND d."offset" >= $from AND d."offset" < $to
      AND d.disposition = 'first'
    ORDER BY d."offset"
) TO STDOUT (FORMAT binary)
