"""AWS objects as `aws ec2 describe-*` and CloudTrail write them.

`fields.py`       members by name, in either service's style.
`shapes.py`       routes, ACL entries and security group rules.
`describe.py`     turns `describe-*` output into resources.
`call.py`         a CloudTrail call, its request and response ready to read, and the calls before it.
`group_rules.py`  the rules in a call on a security group.
`services.py`     calls by which other services change security groups.
"""
