"""Answers in a terminal.

`screen.py`  the only module that prints.
`incidents.py`  `search.py`  `status.py`  `sql.py`  `check.py`  `ingest.py`  `explain.py`  `changes.py`
`traffic.py`  `config.py`  `replay.py`  `preview.py`  one module for each answer.
"""
