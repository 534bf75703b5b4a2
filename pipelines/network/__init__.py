"""The VPC as it was at any instant, and what it does to a packet.

    describe-* answers ──describe──> resources ──┐
    CloudTrail changes ──apply / undo──────────── timeline ──at(moment)──> configuration ──verdict──> explain(packet)

`describe.py`   answers of `aws ec2 describe-*` become resources; `fields.py` reads their and CloudTrail's objects.
`rules.py`      one normal form of routes, ACL entries and security group rules, and their text for people.
`apply.py`, `undo.py`   what a CloudTrail call does to the configuration, forward and backward in time.
`timeline.py`   snapshots and changes become versions; `periods.py` says which subnet, ACL and table an interface had.
`verdict.py`    `explain`; its layers are `security_group.py`, `acl.py` and `routing.py`.
"""
