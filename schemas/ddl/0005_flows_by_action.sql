-- The physical design of flows, chosen by measurement (docs/physical-design.md): rejected records lie together, an
-- address is found without reading what cannot hold it, and a rollup per minute lives in each part, atomic with it.
-- A sort key cannot be changed in place, so the rows move.

CREATE TABLE flows_by_action
(
    version Nullable(UInt8),
    account_id LowCardinality(String),
    interface_id LowCardinality(String),
    srcaddr Nullable(IPv6),
    dstaddr Nullable(IPv6),
    srcport Nullable(UInt16),
    dstport Nullable(UInt16),
    protocol Nullable(UInt8),
    packets Nullable(UInt64) CODEC(T64, ZSTD(3)),
    bytes Nullable(UInt64) CODEC(T64, ZSTD(3)),
    start DateTime('UTC') CODEC(Delta, ZSTD(3)),
    `end` DateTime('UTC') CODEC(Delta, ZSTD(3)),
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
    row_no UInt32 CODEC(Delta, ZSTD(3)),
    load UInt64,
    chunk UInt32,
    local_addr Nullable(IPv6) ALIAS multiIf(direction = 'ingress', dstaddr, direction = 'egress', srcaddr, NULL),
    local_port Nullable(UInt16) ALIAS multiIf(direction = 'ingress', dstport, direction = 'egress', srcport, NULL),
    peer_addr Nullable(IPv6) ALIAS multiIf(direction = 'ingress', srcaddr, direction = 'egress', dstaddr, NULL),
    peer_port Nullable(UInt16) ALIAS multiIf(direction = 'ingress', srcport, direction = 'egress', dstport, NULL),
    INDEX by_srcaddr srcaddr TYPE bloom_filter(0.025) GRANULARITY 4,
    INDEX by_dstaddr dstaddr TYPE bloom_filter(0.025) GRANULARITY 4,
    PROJECTION per_minute
    (
        SELECT
            toStartOfMinute(start) AS minute,
            interface_id,
            action,
            direction,
            protocol,
            count() AS flows,
            sum(packets) AS packets,
            sum(bytes) AS bytes
        GROUP BY minute, interface_id, action, direction, protocol
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(start)
ORDER BY (action, interface_id, start)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    default_compression_codec = 'ZSTD(3)';

INSERT INTO flows_by_action SELECT * FROM flows SETTINGS max_partitions_per_insert_block = 0, insert_deduplicate = 0;

RENAME TABLE flows TO flows_by_interface, flows_by_action TO flows;

DROP TABLE flows_by_interface SYNC;
