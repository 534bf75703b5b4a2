"""The VPC configuration at any instant, from snapshots and change events.

`timeline.py`  `Timeline`: the configuration at a moment, around a change, and every version of every resource.
`apply.py`     what a call does to the configuration, forward in time (`apply_routing.py`, `apply_filters.py`).
`rewind.py`    what the configuration was before a call (`rewind_routing.py`, `rewind_filters.py`, `rebuild.py`).
`state.py`     the configuration while it moves through time.
`values.py`    the value of every resource at every position in time.
`turns.py`     when the answer to a question turned, and by which change.
`unmodelled.py`  changes whose effect the model does not contain: who they may concern.
`periods.py`   the subnet, network ACL and route table of an interface over time.

To add a CloudTrail call: list it in `pipelines/ingest/parse/cloudtrail.py`, add its effect to `apply_*.py` and its
reverse to `rewind_*.py`, and an edit to `pipelines/correlate/blame/edits.py` when it changes something new.
"""
