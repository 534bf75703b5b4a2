-- The physical design of flows, measured anew (docs/physical-design.md). Within an interface and five minutes rows keep
-- the order of their objects, so provenance takes next to no space, and a fresh part is few files. A sort key cannot be
-- changed in place, so the rows move.

CREATE TABLE flows_by_interval
(
    version Nullable(UInt8),
    account_id LowCardinality(String),
    interface_id LowCardinality(String),
    srcaddr Nullable(IPv6),
    dstaddr Nullable(IPv6),
    srcport Nullable(UInt16),
    dstport Nullable(UInt16),
    protocol Nullable(UInt8),
    packets Nullable(UInt64) CODEC(T64, ZSTD(1)),
    bytes Nullable(UInt64) CODEC(T64, ZSTD(1)),
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    `end` DateTime('UTC') CODEC(Delta, ZSTD(1)),
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
    ecs_cluster_arn LowCardinality(String),
    ecs_cluster_name LowCardinality(String),
    ecs_container_instance_arn LowCardinality(String),
    ecs_container_instance_id LowCardinality(String),
    ecs_container_id LowCardinality(String),
    ecs_second_container_id LowCardinality(String),
    ecs_service_name LowCardinality(String),
    ecs_task_definition_arn LowCardinality(String),
    ecs_task_arn LowCardinality(String),
    ecs_task_id LowCardinality(String),
    reject_reason LowCardinality(String),
    resource_id LowCardinality(String),
    encryption_status LowCardinality(String),
    instance_tag LowCardinality(String),
    instance_tag_2 LowCardinality(String),
    interface_tag LowCardinality(String),
    interface_tag_2 LowCardinality(String),
    asg_tag LowCardinality(String),
    asg_tag_2 LowCardinality(String),
    interface_type LowCardinality(String),
    next_hop_interface_id LowCardinality(String),
    next_hop_subnet_id LowCardinality(String),
    next_hop_az_id LowCardinality(String),
    next_hop_vpc_id LowCardinality(String),
    next_hop_interface_type LowCardinality(String),
    extra Map(LowCardinality(String), String),
    direction LowCardinality(String),
    instance_name LowCardinality(String),
    network_acl_id LowCardinality(String),
    route_table_id LowCardinality(String),
    object_id UInt64,
    row_no UInt32 CODEC(Delta, ZSTD(1)),
    load UInt64,
    chunk UInt32,
    local_addr Nullable(IPv6) ALIAS multiIf(direction = 'ingress', dstaddr, direction = 'egress', srcaddr, NULL),
    local_port Nullable(UInt16) ALIAS multiIf(direction = 'ingress', dstport, direction = 'egress', srcport, NULL),
    peer_addr Nullable(IPv6) ALIAS multiIf(direction = 'ingress', srcaddr, direction = 'egress', dstaddr, NULL),
    peer_port Nullable(UInt16) ALIAS multiIf(direction = 'ingress', srcport, direction = 'egress', dstport, NULL),
    INDEX by_address (srcaddr, dstaddr) TYPE bloom_filter(0.025) GRANULARITY 4,
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
ORDER BY (action, interface_id, toStartOfFiveMinutes(start))
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    index_granularity = 32768,
    min_level_for_wide_part = 1,
    merge_selector_base = 10,
    default_compression_codec = 'ZSTD(1)',
    auto_statistics_types = '';

INSERT INTO flows_by_interval SELECT * FROM flows SETTINGS max_partitions_per_insert_block = 0, insert_deduplicate = 0;

RENAME TABLE flows TO flows_by_action, flows_by_interval TO flows;

DROP TABLE flows_by_action SYNC;

ALTER TABLE tgw_flows
    MODIFY COLUMN packets CODEC(T64, ZSTD(1)),
    MODIFY COLUMN bytes CODEC(T64, ZSTD(1)),
    MODIFY COLUMN packets_lost_no_route CODEC(T64, ZSTD(1)),
    MODIFY COLUMN packets_lost_blackhole CODEC(T64, ZSTD(1)),
    MODIFY COLUMN packets_lost_mtu_exceeded CODEC(T64, ZSTD(1)),
    MODIFY COLUMN packets_lost_ttl_expired CODEC(T64, ZSTD(1)),
    MODIFY COLUMN start CODEC(Delta, ZSTD(1)),
    MODIFY COLUMN `end` CODEC(Delta, ZSTD(1)),
    MODIFY COLUMN row_no CODEC(Delta, ZSTD(1));

ALTER TABLE tgw_flows MODIFY SETTING
    min_level_for_wide_part = 1,
    default_compression_codec = 'ZSTD(1)',
    auto_statistics_types = '';
