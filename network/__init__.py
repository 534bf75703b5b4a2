"""The VPC model: the configuration at any instant, and what it does to a packet. Pure; imports only `schemas`.

    describe-* output ───aws.describe──> resources ──┐
    CloudTrail changes ──history.apply / rewind──> history.timeline ──at(moment)──> configuration
                                                                                        │
                                                           packet ──> verdict.explain ──┴──> verdict

`aws/`      turns AWS objects, in `describe-*` output and CloudTrail records, into resources and rules.
`history/`  turns snapshots and changes into the configuration at any instant.
`verdict/`  what a configuration does to a packet and to its reply, step by step.
`rules.py`  the normal form of routes, ACL entries and security group rules, and their text form. `cidr.py`  addresses.
"""
