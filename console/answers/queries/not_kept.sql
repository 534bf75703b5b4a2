-- CloudTrail records that were read and not kept, by reason.
SELECT reason, toInt64(sum(number)) AS records
FROM receipts
ARRAY JOIN mapKeys(skipped_reasons) AS reason, mapValues(skipped_reasons) AS number
WHERE kind = 'cloudtrail'
GROUP BY reason
ORDER BY reason
