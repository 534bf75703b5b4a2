-- Views for people who write SQL: addresses, protocols and flags as AWS shows them, and rules and routes as rows. A rule
-- or route is `added` in a version of its resource if the version before lacked it; only there is the call that began
-- the version the one that added it.

CREATE OR REPLACE VIEW flow_records AS
SELECT
    start,
    `end`,
    action,
    reject_reason,
    if(flow_direction != '', toString(flow_direction), toString(direction)) AS direction,
    multiIf(
        protocol IS NULL, '', protocol = 6, 'tcp', protocol = 17, 'udp', protocol = 1, 'icmp', protocol = 58, 'icmpv6',
        toString(protocol)) AS protocol_name,
    replaceRegexpOne(toString(srcaddr), '^::ffff:([0-9]+\\.)', '\\1') AS source,
    srcport,
    replaceRegexpOne(toString(dstaddr), '^::ffff:([0-9]+\\.)', '\\1') AS destination,
    dstport,
    multiIf(direction = 'ingress', destination, direction = 'egress', source, NULL) AS local,
    multiIf(direction = 'ingress', source, direction = 'egress', destination, NULL) AS peer,
    if(protocol IN (6, 17), least(srcport, dstport), NULL) AS service_port,
    arrayStringConcat(arrayFilter(
        name -> name != '',
        [
            multiIf(bitAnd(tcp_flags, 18) = 18, 'SYN-ACK', bitAnd(tcp_flags, 2) = 2, 'SYN', ''),
            if(bitAnd(tcp_flags, 1) = 1, 'FIN', ''),
            if(bitAnd(tcp_flags, 4) = 4, 'RST', '')
        ]), ' ') AS flags,
    packets,
    bytes,
    replaceRegexpOne(toString(pkt_srcaddr), '^::ffff:([0-9]+\\.)', '\\1') AS packet_source,
    replaceRegexpOne(toString(pkt_dstaddr), '^::ffff:([0-9]+\\.)', '\\1') AS packet_destination,
    interface_id,
    instance_id,
    instance_name,
    subnet_id,
    vpc_id,
    network_acl_id,
    route_table_id,
    account_id,
    region,
    az_id,
    time_source,
    srcaddr,
    dstaddr,
    object_id,
    row_no
FROM flows;

CREATE OR REPLACE VIEW changes AS
SELECT
    min(e.event_time) AS time,
    any(toString(e.event_name)) AS call,
    any(e.actor) AS actor,
    any(e.source_ip) AS source_ip,
    any(e.user_agent) AS user_agent,
    any(toString(e.account_id)) AS account_id,
    any(toString(e.region)) AS region,
    any(e.resources) AS resources,
    any(e.request) AS request,
    e.event_id AS event_id
FROM change_events AS e
GROUP BY e.event_id;

CREATE OR REPLACE VIEW known_incidents AS
SELECT
    id,
    kind,
    state,
    certainty,
    actor,
    layer,
    resource,
    JSONExtractString(body, 'cause', 'event_name') AS call,
    event_ids,
    enis,
    ports,
    peers,
    first_seen,
    last_seen,
    closed_at,
    JSONExtractString(body, 'reason') AS reason,
    JSONExtractString(body, 'fix') AS fix
FROM incidents FINAL
WHERE deleted = 0;

CREATE OR REPLACE VIEW security_group_rules AS
SELECT
    resource_id AS group_id,
    JSONExtractString(body, 'name') AS group_name,
    JSONExtractString(body, 'vpc_id') AS vpc_id,
    if(JSONExtractBool(rule, 'egress'), 'egress', 'ingress') AS direction,
    JSONExtractInt(rule, 'protocol') AS protocol,
    JSONExtract(rule, 'port_from', 'Nullable(Int64)') AS port_from,
    JSONExtract(rule, 'port_to', 'Nullable(Int64)') AS port_to,
    JSONExtractString(rule, 'peer') AS peer,
    JSONExtractString(rule, 'id') AS rule_id,
    NOT has(JSONExtractArrayRaw(earlier, 'rules'), rule) AND begun_by != '' AS added,
    valid_from,
    valid_to,
    begun_by,
    ended_by,
    exact
FROM
(
    SELECT
        *,
        lagInFrame(body) OVER (
            PARTITION BY resource_id ORDER BY ifNull(valid_from, toDateTime64(0, 3, 'UTC'))
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS earlier
    FROM config_versions
    WHERE resource_type = 'security-group' AND generation = (SELECT max(generation) FROM config_versions)
) AS versions
ARRAY JOIN JSONExtractArrayRaw(body, 'rules') AS rule;

CREATE OR REPLACE VIEW network_acl_entries AS
SELECT
    resource_id AS acl_id,
    JSONExtractString(body, 'vpc_id') AS vpc_id,
    arrayFilter(name -> name != '', arrayMap(
        each -> JSONExtractString(each, 'subnet_id'), JSONExtractArrayRaw(body, 'associations'))) AS subnet_ids,
    if(JSONExtractBool(entry, 'egress'), 'egress', 'ingress') AS direction,
    JSONExtractInt(entry, 'number') AS number,
    JSONExtractString(entry, 'action') AS action,
    JSONExtractInt(entry, 'protocol') AS protocol,
    JSONExtract(entry, 'port_from', 'Nullable(Int64)') AS port_from,
    JSONExtract(entry, 'port_to', 'Nullable(Int64)') AS port_to,
    JSONExtractString(entry, 'cidr') AS cidr,
    NOT has(JSONExtractArrayRaw(earlier, 'entries'), entry) AND begun_by != '' AS added,
    valid_from,
    valid_to,
    begun_by,
    ended_by,
    exact
FROM
(
    SELECT
        *,
        lagInFrame(body) OVER (
            PARTITION BY resource_id ORDER BY ifNull(valid_from, toDateTime64(0, 3, 'UTC'))
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS earlier
    FROM config_versions
    WHERE resource_type = 'network-acl' AND generation = (SELECT max(generation) FROM config_versions)
) AS versions
ARRAY JOIN JSONExtractArrayRaw(body, 'entries') AS entry;

CREATE OR REPLACE VIEW routes AS
SELECT
    resource_id AS route_table_id,
    JSONExtractString(body, 'vpc_id') AS vpc_id,
    arrayFilter(name -> name != '', arrayMap(
        each -> JSONExtractString(each, 'subnet_id'), JSONExtractArrayRaw(body, 'associations'))) AS subnet_ids,
    JSONExtractString(route, 'destination') AS destination,
    JSONExtractString(route, 'target') AS target,
    JSONExtractString(route, 'state') AS state,
    NOT has(JSONExtractArrayRaw(earlier, 'routes'), route) AND begun_by != '' AS added,
    valid_from,
    valid_to,
    begun_by,
    ended_by,
    exact
FROM
(
    SELECT
        *,
        lagInFrame(body) OVER (
            PARTITION BY resource_id ORDER BY ifNull(valid_from, toDateTime64(0, 3, 'UTC'))
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS earlier
    FROM config_versions
    WHERE resource_type = 'route-table' AND generation = (SELECT max(generation) FROM config_versions)
) AS versions
ARRAY JOIN JSONExtractArrayRaw(body, 'routes') AS route;

CREATE OR REPLACE VIEW hourly_records AS
SELECT
    toStartOfHour(start) AS hour,
    interface_id,
    sum(accepted) AS accepts,
    sum(rejected) AS rejects,
    sum(silent) AS intervals_without_traffic,
    sum(skipped) AS intervals_skipped_by_aws
FROM
(
    SELECT start, interface_id, action = 'ACCEPT' AS accepted, action = 'REJECT' AS rejected, 0 AS silent, 0 AS skipped
    FROM flows
    UNION ALL
    SELECT start, interface_id, 0, 0, log_status = 'NODATA', log_status = 'SKIPDATA'
    FROM coverage
) AS records
GROUP BY hour, interface_id;
