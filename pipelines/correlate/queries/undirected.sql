-- Interfaces with records of which the local end is not known before `minutes.sql` determines it.
SELECT DISTINCT toString(interface_id) AS interface
FROM flows
WHERE flow_direction = '' AND direction = ''
    AND start >= {since:DateTime('UTC')} AND start < {end:DateTime('UTC')}
