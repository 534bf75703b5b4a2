"""What the data is: stdlib and pyarrow only, no I/O.

To add a column to a table:

1. Add one `Column` line to the table's registry here (`flow.py`, `change.py`, `ledger.py`, ...).
2. Add a numbered file to `schemas/ddl/` that alters the table; never edit a released one.
3. Let its producer fill it (`pipelines/ingest/parse.py`, `pipelines/ingest/enrich.py`, ...).
4. Run the contract test: it applies the DDL to a real engine and compares `DESCRIBE` with the registry.
5. Run `make docs` so that the generated reference in `docs/` tells of it.
"""
