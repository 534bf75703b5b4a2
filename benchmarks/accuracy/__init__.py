"""How often the right cause is named: simulated faults and clean hours, each judged against what really happened.

`judge.py`     what was said of a world, compared with its truth.
`batch.py`     many worlds in one store: ingest, correlate, judge.
`plan.py`      which kinds and seeds; `results.py`  figures, table, JSON.
`__main__.py`  `python -m benchmarks.accuracy`; continues where it was stopped.
"""
