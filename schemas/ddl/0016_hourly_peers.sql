-- Who talked to whom in each hour, so that correlation need not read the past anew each time. Derived from flows, so it
-- is not synchronized to disk: what is lost is derived again.

CREATE TABLE IF NOT EXISTS hourly_peers
(
    summary UInt64,
    hour DateTime('UTC'),
    interface_id LowCardinality(String),
    service UInt32,
    pair UInt64,
    requests UInt64,
    answers UInt64,
    data UInt64,
    rejected UInt64,
    first_accepted DateTime('UTC'),
    last_rejected DateTime('UTC'),
    accepts UInt64,
    undirected UInt64,
    flows UInt64,
    loads UInt64,
    at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
PARTITION BY (hour, summary)
ORDER BY (interface_id, service, pair)
TTL toDateTime(at) + INTERVAL 3 DAY
SETTINGS ttl_only_drop_parts = 1;
