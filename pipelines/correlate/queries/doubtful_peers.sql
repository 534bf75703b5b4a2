-- Interfaces with a peer that a service accepted as `detect` demands and also rejected, not both long before the range,
-- or with a peer that exchanged data with a service and whose requests in the range had a minute without an answer or
-- without data: without that, `detect` finds no signal that is about single peers. From the summaries of the hours
-- (`summarise.sql`): the first hour counts as a whole, so some more may be found.
WITH
    toStartOfHour({start:DateTime('UTC')}) AS first_hour,
    toStartOfHour({end:DateTime('UTC')}) AS last_hour,
    bitShiftLeft(toUInt64(1), 60) - 1 AS all_minutes,
    multiIf(
        hour < first_hour, 0,
        bitAnd(
            if(hour = first_hour, bitShiftLeft(all_minutes, toMinute({start:DateTime('UTC')})), all_minutes),
            if(
                hour = last_hour,
                bitShiftLeft(toUInt64(1), toMinute({end:DateTime('UTC')}) + (toSecond({end:DateTime('UTC')}) > 0)) - 1,
                all_minutes
            )
        )
    ) AS inside,
    bitOr(requests, answers) AS accepted
SELECT DISTINCT interface
FROM
(
    SELECT
        toString(any(interface_id)) AS interface,
        minIf(first_accepted, accepts > 0) AS first,
        max(last_rejected) AS last,
        max(data) > 0 AS has_data,
        sum(accepts) > 0 AS ever,
        sum(accepts) >= {regular:UInt32} AS often,
        max(bitAnd(inside, bitOr(accepted, rejected))) > 0 AS now,
        max(bitAnd(inside, bitOr(bitXor(requests, answers), bitAnd(accepted, bitNot(data))))) > 0 AS unanswered
    FROM hourly_peers
    WHERE hour >= toStartOfHour({since:DateTime('UTC')}) AND hour < {end:DateTime('UTC')}
        AND summary IN {summaries:Array(UInt64)} AND interface_id IN {interfaces:Array(String)} AND pair != 0
    GROUP BY pair
) AS peers
WHERE now AND ever AND (
    (has_data AND unanswered)
    OR ((has_data OR often) AND last > toDateTime(0, 'UTC') AND first < last + 60)
)
