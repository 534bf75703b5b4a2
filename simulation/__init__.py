"""A simulated AWS account with a story in it, for the demo and as the tests' oracle. Imports nothing from the product.

`walk.py`     what AWS would do with a packet, from raw `describe-*` answers.
`network.py`  the VPC, created with the real `aws` command line against a moto server (`aws.py`).
`recorder.py` the CloudTrail record of each call (`calls.py`), and the background events of a trail.
`talks.py`    who talks to whom, from a seed -> `segments.py` -> `views.py` -> `rows.py` -> `traffic.py`: flow log rows.
`flow_log_objects.py`, `trail_objects.py`  the objects as AWS delivers them.
`story.py`    puts it together: `Stage` creates the history once, `logs` writes it for any seed, format and reading.
`bulk/`       flow logs of any version, format and size, for tests and benchmarks.
`worlds/`     small VPCs with a fault or none, from a kind and a seed, for `make bench-accuracy`.
`demo.py`     runs the story for a person.
"""
