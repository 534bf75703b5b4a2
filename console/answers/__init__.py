"""Typed answers, from the store and the network model.

`incidents.py`  `search.py`  `status.py`  `sql.py`  `check.py`  the answers, each with its JSON form.
`explain.py` (`explanation.py`, `explain_words.py`)  whether one end reaches another, and what the log has of it.
`question.py`  times and ends, from text.
`traffic.py`  an incident's traffic over time.   `network.py`  the whole network at a time.
`preview.py`  which observed conversations a change would cut off or open.
`replay.py`   a past range again, and how two accounts of it differ.
`changes.py`  who changed what.   `config.py`  what a resource was.   `history.py`  the timeline behind them.
`words.py`    resources, and the difference between two versions of one, in words.
`trust.py`  whether the data can be trusted, at a glance.
`coverage.py`, `gaps.py`, `overlaps.py`, `copies.py`  how complete an answer is.
`fields.py`     the fields by which `search` counts records.
`ask.py`        runs a file of `queries/` with a read-only client.   `guard.py`  which SQL a person may run.
`text.py`       times, durations and lists as text.   `plain.py`  values as JSON types.   `spreadsheet.py`  as CSV.
"""
