-- Interfaces that existed in the time, as far as is known, and have no record in it: neither flows nor coverage. With the
-- time when a flow log was last deleted before the end of it.
SELECT
    resource_id AS interface_id,
    (
        SELECT maxOrNull(toDateTime64(event_time, 0, 'UTC')) FROM change_events
        WHERE event_name = 'DeleteFlowLogs' AND event_time < {to:DateTime('UTC')}
    ) AS deleted_at
FROM config_versions
WHERE resource_type = 'network-interface'
    AND generation = (SELECT max(generation) FROM config_versions)
    AND ifNull(valid_from < {to:DateTime('UTC')}, 1) AND ifNull(valid_to > {from:DateTime('UTC')}, 1)
    AND resource_id NOT IN (
        SELECT interface_id FROM flows WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
        UNION DISTINCT
        SELECT interface_id FROM coverage WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
    )
GROUP BY resource_id
ORDER BY resource_id
LIMIT {limit:UInt32}
