-- Facts by event time. A row names the object and line it came from, and the load and chunk that wrote it.

CREATE TABLE flows
(
    version Nullable(UInt8),
    account_id LowCardinality(String),
    interface_id LowCardinality(String),
    srcaddr Nullable(IPv6),
    dstaddr Nullable(IPv6),
    srcport Nullable(UInt16),
    dstport Nullable(UInt16),
    protocol Nullable(UInt8),
    packets Nullable(UInt64),
    bytes Nullable(UInt64),
    start DateTime('UTC'),
    `end` DateTime('UTC'),
    action LowCardinality(String),
    vpc_id LowCardinality(String),
    subnet_id LowCardinality(String),
    instance_id LowCardinality(String),
    tcp_flags Nullable(UInt8),
    type LowCardinality(String),
    pkt_srcaddr Nullable(IPv6),
    pkt_dstaddr Nullable(IPv6),
    region LowCardinality(String),
    az_id LowCardinality(String),
    sublocation_type LowCardinality(String),
    sublocation_id LowCardinality(String),
    pkt_src_aws_service LowCardinality(String),
    pkt_dst_aws_service LowCardinality(String),
    flow_direction LowCardinality(String),
    traffic_path Nullable(UInt8),
    extra Map(LowCardinality(String), String),
    direction LowCardinality(String),
    instance_name LowCardinality(String),
    network_acl_id LowCardinality(String),
    route_table_id LowCardinality(String),
    object_id UInt64,
    row_no UInt32,
    load UInt64,
    chunk UInt32,
    local_addr Nullable(IPv6) ALIAS multiIf(direction = 'ingress', dstaddr, direction = 'egress', srcaddr, NULL),
    local_port Nullable(UInt16) ALIAS multiIf(direction = 'ingress', dstport, direction = 'egress', srcport, NULL),
    peer_addr Nullable(IPv6) ALIAS multiIf(direction = 'ingress', srcaddr, direction = 'egress', dstaddr, NULL),
    peer_port Nullable(UInt16) ALIAS multiIf(direction = 'ingress', srcport, direction = 'egress', dstport, NULL)
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(start)
ORDER BY (interface_id, start)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE coverage
(
    account_id LowCardinality(String),
    interface_id LowCardinality(String),
    start DateTime('UTC'),
    `end` DateTime('UTC'),
    log_status LowCardinality(String),
    object_id UInt64,
    row_no UInt32,
    load UInt64,
    chunk UInt32
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(start)
ORDER BY (interface_id, start)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE rejected_lines
(
    reason LowCardinality(String),
    raw String,
    object_id UInt64,
    row_no UInt32,
    load UInt64,
    chunk UInt32
)
ENGINE = MergeTree
ORDER BY (object_id, row_no)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE change_events
(
    event_time DateTime('UTC'),
    event_id String,
    event_name LowCardinality(String),
    actor String,
    actor_type LowCardinality(String),
    source_ip String,
    user_agent String,
    account_id LowCardinality(String),
    region LowCardinality(String),
    resources Array(String),
    request String,
    response String,
    object_id UInt64,
    row_no UInt32,
    load UInt64,
    chunk UInt32
)
ENGINE = MergeTree
ORDER BY (event_time, event_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
