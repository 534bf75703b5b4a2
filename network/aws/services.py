"""Calls by which other services than EC2 change the security groups of the interfaces that they made.

Source: the API references of these services, for the calls that take security groups. The same calls change other
settings too; one counts if it names a group.
"""

from collections.abc import Mapping
from typing import Any

from network.aws.call import ids_in

CALLS: Mapping[str, frozenset[str]] = {
    "elasticloadbalancing": frozenset({"SetSecurityGroups", "ApplySecurityGroupsToLoadBalancer"}),
    "rds": frozenset({"ModifyDBInstance", "ModifyDBCluster"}),
    "elasticache": frozenset({"ModifyCacheCluster", "ModifyReplicationGroup"}),
    "redshift": frozenset({"ModifyCluster"}),
    "ecs": frozenset({"UpdateService"}),
    "lambda": frozenset({"UpdateFunctionConfiguration20150331v2"}),
}
"""By the first part of the record's `eventSource`."""

NAMES = frozenset().union(*CALLS.values())


def names_group(request: Mapping[str, Any]) -> bool:
    """Whether the request names a security group.

    >>> names_group({"loadBalancerArn": "arn:...", "securityGroups": ["sg-0a1"]}), names_group({"desiredCount": 2})
    (True, False)
    """
    return any(name.startswith("sg-") for name in ids_in(request))
