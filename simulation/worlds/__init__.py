"""Many small accounts, each with something that happens in it, and what is true of it.

`account.py`   a VPC as `describe-*` shows it.      `effects.py`  what a call does to it.
`faults.py`    calls that stop traffic.             `harmless.py` calls and events that stop nothing.
`traffic.py`   the flow records that follow.        `world.py`    all of it together, from a seed.
"""
