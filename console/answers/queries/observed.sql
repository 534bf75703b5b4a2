-- Flow records in [from, to) between these addresses at this service: its requests and replies, by interface and action.
-- `since` counts those that started at this time or later; `reasons` are AWS's own for rejecting. The last record comes
-- with the object and line that it was read from. Without interfaces, those of all are counted; without a client port,
-- those of any.
WITH
    arrayMap(x -> toIPv6(x), {sources:Array(String)}) AS sources,
    arrayMap(x -> toIPv6(x), {targets:Array(String)}) AS targets
SELECT
    interface_id,
    action,
    request,
    flows,
    since,
    last,
    reasons,
    receipts.bucket AS bucket,
    receipts.key AS key,
    line
FROM
(
    SELECT
        interface_id,
        action,
        request,
        toInt64(count()) AS flows,
        toInt64(countIf(start >= {since:DateTime('UTC')})) AS since,
        toDateTime64(max(start), 0, 'UTC') AS last,
        arraySort(groupUniqArrayIf(reject_reason, reject_reason != '')) AS reasons,
        argMax(object_id, row) AS last_object,
        toUInt64(argMax(row_no, row)) AS line
    FROM
    (
        SELECT
            interface_id,
            action,
            start,
            toString(reject_reason) AS reject_reason,
            object_id,
            row_no,
            (start, object_id, row_no) AS row,
            (has(sources, srcaddr) OR has(sources, pkt_srcaddr)) AND (has(targets, dstaddr) OR has(targets, pkt_dstaddr))
                AND ifNull(dstport, 0) = {port:UInt16} AS request,
            (has(targets, srcaddr) OR has(targets, pkt_srcaddr)) AND (has(sources, dstaddr) OR has(sources, pkt_dstaddr))
                AND ifNull(srcport, 0) = {port:UInt16} AS reply,
            if(request, srcport, dstport) AS client
        FROM flows
        WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
            AND (empty({interfaces:Array(String)}) OR interface_id IN {interfaces:Array(String)})
            AND protocol = {protocol:UInt8}
            AND action IN ('ACCEPT', 'REJECT')
    )
    WHERE (request OR reply) AND ({client:Nullable(UInt16)} IS NULL OR client = {client:Nullable(UInt16)})
    GROUP BY interface_id, action, request
) AS found
ANY LEFT JOIN receipts ON receipts.object_id = found.last_object
ORDER BY interface_id, request DESC, action
