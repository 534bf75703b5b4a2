"""Small worlds with a known truth: a VPC, its traffic, its CloudTrail records, and which calls are to blame.

`ec2.py`      what an `aws ec2` command does to `describe-*` answers.
`vpc.py`      the VPC that every world has, with ids of its own.
`world.py`    `Maker` plays calls and traffic, and the oracle walk decides each conversation; `World` is the result.
`noise.py`    scans, late packets and harmless changes.
`objects.py`  the objects of a world as AWS delivers them: format, late, twice, or missing.
`faults.py`   what goes wrong: network ACLs, security groups, routes, and several at once.
`clean.py`    hours in which nothing is wrong with the configuration.
`kinds.py`    every kind by name.
"""
