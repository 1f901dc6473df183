-- Applications of the last hour, day and year, beside what the year's volume would be.
SELECT span, applications, target, share
FROM pace
ORDER BY seconds
