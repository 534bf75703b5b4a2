"""Typed answers, from the store and the network model.

`incidents.py`  `search.py`  `status.py`  `sql.py`  `check.py`  the answers, each with its JSON form.
`coverage.py`, `gaps.py`, `overlaps.py`, `copies.py`  how complete an answer is.
`fields.py`     the fields by which `search` counts records.
`ask.py`        runs a file of `queries/` with a read-only client.   `guard.py`  which SQL a person may run.
`text.py`       times, durations and lists as text.   `plain.py`  values as JSON types.
"""
