"""What is wrong at one network interface. Pure and columnar.

`interface.py`      `detect`: the signals of an interface.   `signals.py`  what a signal is.
`minutes.py`        the flow log, counted by minute, direction, service and peer.
`conversations.py`  both directions of a minute, and whether a conversation completed.
`one_way.py`        one direction, and where connections were opened in it.
`rejects.py`        peers that were accepted before and are rejected now.
`partial.py`        peers of which some connections are rejected while others are accepted.
`lost.py`           traffic that is no longer answered.
`stretches.py`      consecutive bad rows of one key.
`screen.py`         which interfaces may have lost traffic, judged for all of them at once.
"""
