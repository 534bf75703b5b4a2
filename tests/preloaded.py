"""What processes of tests import, which takes longer than most of what they do: `tests.forked` forks them from one that
has imported it. It must not start the engine, nor any thread of its own: neither survives a fork."""

import gc
from importlib import import_module

MODULES = (
    "apache_beam",
    "awscli.clidriver",
    "cli.app",
    "clickhouse_connect.driver.client",
    "fastavro",
    "pipelines.correlate.pipeline",
    "pipelines.ingest.pipeline",
    "pipelines.watch.turn",
)

for module in MODULES:
    import_module(module)
gc.collect()
gc.freeze()
