"""The store: ClickHouse, embedded in a folder (chDB) or on a server.

`clickhouse.py`     `Store`, `query`, `insert`, `command`: the only access to the engine.
`migrate.py`        numbered DDL files, applied once each.   `repeatable.py`  statements that may be run again.
`claim.py`          one process at a time on a server.      `retention.py`  how long records are kept.
`ledger.py`         each object counts exactly once: the protocol of attempts.   `attempts.py`  their entries.
`receipts.py`       which objects are done.         `heartbeat.py`  which processes are alive.
`runs.py`           what a command planned, and its outcome.   `dead_letters.py`  objects that could not be read.
`rejected.py`       objects with rejected lines.
`doctor.py`         compares ledger and receipts with the rows.
`configuration.py`  snapshots, change events and versions of the VPC configuration.   `around.py`  some of them.
`incidents.py`      incidents.
`statement.py`      SQL as tokens; one statement at a time.
"""
