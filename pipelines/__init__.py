"""What happens to the data: the map of the product.

    S3 objects ──ingest──> facts in ClickHouse ──correlate──> incidents

`ingest/`     list -> read -> parse -> enrich -> write. One object, exactly once.
`network/`    the VPC model: snapshots and changes become a timeline; `explain` gives the verdict on a packet.
`correlate/`  facts and a time range -> detect -> blame -> incidents. A pure function.
`cli/`        the commands; the only place where everything is put together.

Read `ingest/parse.py`, then `../schemas/flow.py`, then `correlate/blame.py`, and you know the product.
"""
