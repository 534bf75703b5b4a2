"""S3 objects become facts in the store.

    find ──parts of the plan──> read ──> parse ──tables──> enrich ──> write ──> rows and receipts in the store

`pipeline.py`  the Beam pipeline, and `run_ingest`.   `load.py`  the job, loads, and what became of their objects.
`find/`        which objects exist, what kind they are, which are new; planned in parts, in the store.
`read/`        fetch the objects of a load in parallel; stream large ones.
`parse/`       bytes become Arrow tables: flow logs (text, Parquet) and CloudTrail. Pure.
`enrich/`      VPC metadata as of the time of each record. Pure.
`write/`       rows and receipts, under the ledger (`connectors/store/ledger.py`).
`load_objects.py`  read, enrich and write loads: the one way in which objects are loaded.
`again.py`     load given objects again: dead letters, and lost rows.   `compiled.py`  compiles hot loops with Numba.
"""
