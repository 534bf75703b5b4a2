"""Turns findings with the same cause into an incident. Pure.

`incident.py`      `tell`: the incident.             `evidence.py`      the records that show it.
`undo_command.py`  the `aws` commands that undo it.  `proof_query.py`   the SQL that shows its flows.
`completeness.py`  how complete the facts are.       `merged.py`        one incident of two known parts.
"""
