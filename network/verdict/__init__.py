"""What a configuration does to a packet, and to its reply.

`explain.py`         `explain(packet, configuration, interface)` gives the `Verdict`.
`reach.py`           `reach(question, configuration)`: one of five verdicts, for every interface that may be meant.
`foresee.py`         what a change does to a conversation that was observed.
`packet.py`          `Packet`, and `Step`: the result of one layer.
`security_group.py`, `acl.py`, `routing.py`  the layers.
`index.py`           lookups in a configuration.
"""
