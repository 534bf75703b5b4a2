"""S3 objects become facts in the store.

    find ──loads of references──> read ──> parse ──tables──> enrich ──> write ──outcomes

`pipeline.py`  the Beam pipeline, and `run_ingest`.   `load.py`  the elements that pass between its steps.
`find/`        which objects exist, what kind they are, which are new; grouped into loads.
`read/`        fetch the objects of a load in parallel; stream large ones.
`parse/`       bytes become Arrow tables: flow logs (text, Parquet) and CloudTrail. Pure.
`enrich/`      VPC metadata as of the time of each record. Pure.
`write/`       rows and receipts, under the ledger (`connectors/store/ledger.py`).
`again.py`     ingest given objects again: dead letters, and lost rows.   `progress.py`  progress of a run.
`compiled.py`  compiles hot loops with Numba.
"""
