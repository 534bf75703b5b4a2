"""VPC metadata for flow records, as of each record's own time. Pure.

`flows.py`   instance, subnet, VPC, ACL, route table and direction of each row.   `locate.py`  its compiled loop.
`batch.py`   the same for the flow records of a load.
"""
