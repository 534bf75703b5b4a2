"""The data pipelines, and the map of the product.

    S3 objects ──ingest──> facts in ClickHouse ──correlate──> incidents
                                   │
                               console (reads only)

`ingest/`     find -> read -> parse -> enrich -> write. Each object counts exactly once.
`correlate/`  facts and a time range -> detect -> blame -> tell -> incidents. A pure function.
`watch/`      ingest and correlate what has come, turn by turn, and tell what is new.
`runner.py`   runs a pipeline.   `engines.py`  Beam's runners and their options; add a runner here.
`progress.py`  how far a run is, read from the store.
`configuration.py`  the timeline of the VPC configuration, made once per process.   `snapshot.py`  takes a snapshot.

The other packages, each with its own map:

`../schemas`     the data model: tables, columns, DDL.
`../network`     the VPC model: the configuration at any instant, and the verdict on a packet.
`../connectors`  sources and sinks: S3, EC2, ClickHouse, notification channels; runtime settings.
`../console`     what people and programs see: typed answers, and how they are displayed.
`../cli`         the commands, where everything is wired together.

To get to know the product, read `ingest/parse/flow_log.py`, `../schemas/flow.py` and `correlate/blame/judge.py`.
"""
