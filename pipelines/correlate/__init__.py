"""Turns facts and a time range into incidents.

    facts ──> detect ──signals──> blame ──findings──> tell ──> incidents

`pipeline.py`  the Beam pipeline, and `run_correlate`.
`facts.py`     what is read from the store; the SQL is in `queries/`, and `sql.py` runs it.
`hourly.py`    summaries of past hours, which are screened instead of their records.
`detect/`      what is wrong at a network interface. Pure.
`blame/`       which change caused it, tested against the VPC model. Pure.
`tell/`        turns findings with the same cause into an incident, with evidence and the undo command. Pure.
`settle.py`    what a run changes of what is known. Pure.
`publish.py`   makes that known, also when other runs do so at the same time.
"""
