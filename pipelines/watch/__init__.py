"""Watches continuously: loads what has come, judges what it touched, and tells what is new.

    ingest ──loads──> due ──ranges──> correlate ──incidents──> news ──> channels

`notices.py`  which objects a message of a queue tells of. Pure.   `inbox.py`  load these, and acknowledge the message.
`turn.py`  one turn of all this.
`due.py`   which times the loads that are not judged yet concern. Pure.
`news.py`  what is to be told of incidents, on which channel, each thing once.
"""
