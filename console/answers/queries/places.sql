-- Where objects were read from.
SELECT DISTINCT object_id, bucket, key, etag
FROM receipts
WHERE object_id IN {ids:Array(UInt64)}
