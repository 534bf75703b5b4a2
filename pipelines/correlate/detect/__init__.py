"""What is wrong at one network interface. Pure and columnar.

`interface.py`      `detect`: the signals of an interface.   `signals.py`  what a signal is.
`minutes.py`        the flow log, counted by minute, direction, service and peer.
`conversations.py`  both directions of a minute, and whether a conversation completed.
`rejects.py`        peers that were accepted before and are rejected now.
`lost.py`           traffic that is no longer answered.
`stretches.py`      consecutive bad rows of one key.
"""
