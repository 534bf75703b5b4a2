"""Which objects exist, and which of them are new.

`selection.py`   which objects a run wants, by their keys alone, and how to list them with few requests.
`kinds.py`       the kind of an object: by its key, or else by its first bytes.
`plan.py`        groups objects that are not done yet into loads, and notes them in the store.
"""
