-- What the store contains of transit gateways. One row. Lost packets are counted by the gateway, by AWS's own reasons.
SELECT
    count() AS tgw_flows,
    uniqExact(tgw_id) AS tgw_gateways,
    minOrNull(toDateTime64(start, 0, 'UTC')) AS tgw_first,
    maxOrNull(toDateTime64(end, 0, 'UTC')) AS tgw_last,
    (SELECT countIf(log_status = 'NODATA') FROM tgw_coverage) AS tgw_nodata,
    (SELECT countIf(log_status = 'SKIPDATA') FROM tgw_coverage) AS tgw_skipdata,
    ifNull(sum(packets_lost_no_route), 0) AS packets_lost_no_route,
    ifNull(sum(packets_lost_blackhole), 0) AS packets_lost_blackhole,
    ifNull(sum(packets_lost_mtu_exceeded), 0) AS packets_lost_mtu_exceeded,
    ifNull(sum(packets_lost_ttl_expired), 0) AS packets_lost_ttl_expired
FROM tgw_flows
