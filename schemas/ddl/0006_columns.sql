-- Every flow-log field up to version 11 has a column; transit gateway logs have tables of their own.

ALTER TABLE flows
    ADD COLUMN ecs_cluster_arn LowCardinality(String) AFTER traffic_path,
    ADD COLUMN ecs_cluster_name LowCardinality(String) AFTER ecs_cluster_arn,
    ADD COLUMN ecs_container_instance_arn LowCardinality(String) AFTER ecs_cluster_name,
    ADD COLUMN ecs_container_instance_id LowCardinality(String) AFTER ecs_container_instance_arn,
    ADD COLUMN ecs_container_id LowCardinality(String) AFTER ecs_container_instance_id,
    ADD COLUMN ecs_second_container_id LowCardinality(String) AFTER ecs_container_id,
    ADD COLUMN ecs_service_name LowCardinality(String) AFTER ecs_second_container_id,
    ADD COLUMN ecs_task_definition_arn LowCardinality(String) AFTER ecs_service_name,
    ADD COLUMN ecs_task_arn LowCardinality(String) AFTER ecs_task_definition_arn,
    ADD COLUMN ecs_task_id LowCardinality(String) AFTER ecs_task_arn,
    ADD COLUMN reject_reason LowCardinality(String) AFTER ecs_task_id,
    ADD COLUMN resource_id LowCardinality(String) AFTER reject_reason,
    ADD COLUMN encryption_status LowCardinality(String) AFTER resource_id,
    ADD COLUMN instance_tag LowCardinality(String) AFTER encryption_status,
    ADD COLUMN instance_tag_2 LowCardinality(String) AFTER instance_tag,
    ADD COLUMN interface_tag LowCardinality(String) AFTER instance_tag_2,
    ADD COLUMN interface_tag_2 LowCardinality(String) AFTER interface_tag,
    ADD COLUMN asg_tag LowCardinality(String) AFTER interface_tag_2,
    ADD COLUMN asg_tag_2 LowCardinality(String) AFTER asg_tag,
    ADD COLUMN interface_type LowCardinality(String) AFTER asg_tag_2,
    ADD COLUMN next_hop_interface_id LowCardinality(String) AFTER interface_type,
    ADD COLUMN next_hop_subnet_id LowCardinality(String) AFTER next_hop_interface_id,
    ADD COLUMN next_hop_az_id LowCardinality(String) AFTER next_hop_subnet_id,
    ADD COLUMN next_hop_vpc_id LowCardinality(String) AFTER next_hop_az_id,
    ADD COLUMN next_hop_interface_type LowCardinality(String) AFTER next_hop_vpc_id;

CREATE TABLE tgw_flows
(
    version Nullable(UInt8),
    resource_type LowCardinality(String),
    account_id LowCardinality(String),
    tgw_id LowCardinality(String),
    tgw_attachment_id LowCardinality(String),
    tgw_src_vpc_account_id LowCardinality(String),
    tgw_dst_vpc_account_id LowCardinality(String),
    tgw_src_vpc_id LowCardinality(String),
    tgw_dst_vpc_id LowCardinality(String),
    tgw_src_subnet_id LowCardinality(String),
    tgw_dst_subnet_id LowCardinality(String),
    tgw_src_eni LowCardinality(String),
    tgw_dst_eni LowCardinality(String),
    tgw_src_az_id LowCardinality(String),
    tgw_dst_az_id LowCardinality(String),
    tgw_pair_attachment_id LowCardinality(String),
    srcaddr Nullable(IPv6),
    dstaddr Nullable(IPv6),
    srcport Nullable(UInt16),
    dstport Nullable(UInt16),
    protocol Nullable(UInt8),
    packets Nullable(UInt64),
    bytes Nullable(UInt64),
    start DateTime('UTC'),
    `end` DateTime('UTC'),
    type LowCardinality(String),
    packets_lost_no_route Nullable(UInt64),
    packets_lost_blackhole Nullable(UInt64),
    packets_lost_mtu_exceeded Nullable(UInt64),
    packets_lost_ttl_expired Nullable(UInt64),
    tcp_flags Nullable(UInt8),
    region LowCardinality(String),
    flow_direction LowCardinality(String),
    pkt_src_aws_service LowCardinality(String),
    pkt_dst_aws_service LowCardinality(String),
    extra Map(LowCardinality(String), String),
    object_id UInt64,
    row_no UInt32,
    load UInt64,
    chunk UInt32
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(start)
ORDER BY (tgw_id, tgw_attachment_id, start)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE tgw_coverage
(
    account_id LowCardinality(String),
    tgw_id LowCardinality(String),
    tgw_attachment_id LowCardinality(String),
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
ORDER BY (tgw_id, tgw_attachment_id, start)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
