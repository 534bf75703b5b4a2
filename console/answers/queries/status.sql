-- What the store contains. One row. A change event counts once however often it was delivered. Transit gateway objects
-- are identified by their rows; they are left out of the number and the times of VPC flow log objects.
WITH transit AS (SELECT DISTINCT object_id FROM tgw_flows UNION DISTINCT SELECT object_id FROM tgw_coverage)
SELECT
    (SELECT count() FROM flows) AS flows,
    (SELECT if(count() = 0, NULL, toDateTime64(min(start), 0, 'UTC')) FROM flows) AS flows_first,
    (SELECT maxOrNull(toDateTime64(end, 0, 'UTC')) FROM flows) AS flows_last,
    (SELECT count() FROM flows WHERE network_acl_id = '') AS flows_unenriched,
    (SELECT countIf(log_status = 'NODATA') FROM coverage) AS nodata,
    (SELECT countIf(log_status = 'SKIPDATA') FROM coverage) AS skipdata,
    (SELECT uniqExact(event_id) FROM change_events) AS changes,
    (SELECT minOrNull(toDateTime64(event_time, 0, 'UTC')) FROM change_events) AS changes_first,
    (SELECT maxOrNull(toDateTime64(event_time, 0, 'UTC')) FROM change_events) AS changes_last,
    (SELECT uniqExact(snapshot_id) FROM config_snapshots) AS snapshots,
    (SELECT maxOrNull(as_of) FROM config_snapshots) AS snapshot_last,
    (SELECT countIf(state = 'open') FROM incidents FINAL) AS incidents_open,
    (SELECT countIf(state = 'closed') FROM incidents FINAL) AS incidents_closed,
    countIf(kind = 'flow-log' AND object_id NOT IN transit) AS flow_log_objects,
    countIf(object_id IN transit) AS tgw_objects,
    countIf(kind = 'cloudtrail') AS cloudtrail_objects,
    sum(rows_read) AS rows_read,
    sum(rows_written) AS rows_written,
    sum(rows_rejected) AS rows_rejected,
    sum(rows_skipped) AS rows_skipped,
    maxOrNullIf(toDateTime64(last_time, 0, 'UTC'), object_id NOT IN transit) AS records_last,
    maxOrNull(at) AS loaded_last
FROM receipts
