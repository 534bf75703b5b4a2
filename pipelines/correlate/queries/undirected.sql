-- Interfaces with records of which the local end is not known before `minutes.sql` determines it.
SELECT DISTINCT toString(interface_id) AS interface
FROM hourly_peers
WHERE hour >= toStartOfHour({since:DateTime('UTC')}) AND hour < {end:DateTime('UTC')}
    AND summary IN {summaries:Array(UInt64)} AND undirected > 0
