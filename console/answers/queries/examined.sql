-- The runs of `correlate` that are done: what they ran over (Unix seconds), and what they found there.
SELECT
    counts['from'] AS begin,
    counts['to'] AS finish,
    counts['interfaces'] AS interfaces,
    counts['records'] AS records
FROM runs
WHERE command = 'correlate' AND state = 'done' AND has(mapKeys(counts), 'to')
ORDER BY begin, finish
