"""Which change caused a signal. Pure.

`judge.py`         `blame`: signals and a timeline in, findings out.   `finding.py`  what a finding is.
`candidates.py`    changes that may be the cause, with related API calls grouped.
`edits.py`         what a change changed, entry by entry.   `blast_radius.py`  the interfaces it can affect.
`trial.py`         what a configuration does with a conversation, and how often the verdict agrees with the log.
`relevance.py`     whether a change may matter at all.
`what_if.py`       what is left of a finding if a change had not been made.
`leaving.py`       instances and interfaces that were stopped or deleted.
`wording.py`       the layer, resource and rule that describe a change.
"""
