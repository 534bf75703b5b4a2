"""The data model. Uses only the standard library, numpy and pyarrow; no I/O.

`table.py`          `Column` and `Table`: the one place that pairs Arrow types with ClickHouse types.
`flow.py`, `tgw.py` flow log fields: the registry behind the parser, the DDL check, the filters and the docs.
`change.py`         changes recorded by CloudTrail.       `incident.py`  incidents.
`ledger.py`         ledger, receipts.                     `runs.py`  runs, plans, dead letters, heartbeats.
`snapshot.py`       VPC configuration, as stored.         `hourly.py`    who talked to whom in each hour.
`configuration.py`  VPC configuration, as the verdict uses it: resources, and `Configuration` at one instant.
`tables.py`         every table in the store.             `ddl/`         the DDL, as numbered migrations.
`summary.py`        what an ingest run did.               `columnar/`    rows as Arrow tables: batches and chunks.
`runner.py`         how a pipeline is run.
`protocols.py`, `times.py`, `errors.py`, `object_ref.py`, `describe.py`  shared by everything else.

To add a column to a table:

1. Add one `Column` line to the table's registry here (`flow.py`, `change.py`, `ledger.py`, ...).
2. Add a numbered file to `schemas/ddl/` that alters the table; never edit a released one.
3. Fill it where the rows are produced (`pipelines/ingest/parse/`, `pipelines/ingest/enrich/`, ...).
4. Run the contract test: it applies the DDL to a real engine and compares `DESCRIBE` with the registry.
5. Run `make docs`, which updates the generated reference in `docs/`.
"""
