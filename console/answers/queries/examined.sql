-- The runs of `correlate` that are done: the ranges that they examined, and how much they found there.
SELECT
    toDateTime64(assumeNotNull(examined_from), 0, 'UTC') AS begin,
    toDateTime64(assumeNotNull(examined_to), 0, 'UTC') AS finish,
    counts['interfaces'] AS interfaces,
    counts['flows'] AS records
FROM runs
WHERE command = 'correlate' AND state = 'done' AND examined_to IS NOT NULL
ORDER BY begin, finish
