-- How complete the records of [from, to) and of this interface ('' for all) are. One row. Count, minimum and maximum of
-- `start` alone are taken from each part's metadata, without reading the part.
SELECT
    (SELECT count() FROM flows
        WHERE ({from:DateTime('UTC')} = toDateTime(0, 'UTC') OR start >= {from:DateTime('UTC')})
        AND ({to:DateTime('UTC')} > toDateTime('2100-01-01', 'UTC') OR start < {to:DateTime('UTC')})
        AND ({eni:String} = '' OR interface_id = {eni:String})) AS flows,
    (SELECT if(count() = 0, NULL, toDateTime64(min(start), 0, 'UTC')) FROM flows) AS store_first,
    (SELECT if(count() = 0, NULL, toDateTime64(max(start), 0, 'UTC')) FROM flows) AS store_last,
    countIf(log_status = 'NODATA') AS nodata,
    countIf(log_status = 'SKIPDATA') AS skipdata,
    arraySort(groupUniqArrayIf(interface_id, log_status = 'SKIPDATA')) AS skipdata_enis,
    (SELECT sum(rows_rejected) FROM receipts WHERE kind = 'flow-log'
        AND ifNull(last_time >= {from:DateTime('UTC')}, 1) AND ifNull(first_time < {to:DateTime('UTC')}, 1))
        AS rejected_lines
FROM coverage
WHERE start < {to:DateTime('UTC')} AND end >= {from:DateTime('UTC')}
    AND ({eni:String} = '' OR interface_id = {eni:String})
