-- Objects by id.
SELECT object_id, bucket, key, etag FROM receipts WHERE object_id IN {objects:Array(UInt64)} ORDER BY object_id
