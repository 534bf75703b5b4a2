"""What the processes of rounds have in common: they are forked from one that has imported this (`cli.follow.apart`).
None of it may start the engine or a thread: neither survives a fork."""

import gc
from importlib import import_module

from cli.progress import quiet

with quiet():
    for module in ("pipelines.ingest.pipeline", "pipelines.watch.turn"):
        import_module(module)
gc.collect()
gc.freeze()
