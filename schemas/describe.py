"""The `aws ec2 describe-*` commands whose output a snapshot is read from."""

MEMBERS: dict[str, str] = {
    "describe-subnets": "Subnets",
    "describe-route-tables": "RouteTables",
    "describe-network-acls": "NetworkAcls",
    "describe-security-groups": "SecurityGroups",
    "describe-network-interfaces": "NetworkInterfaces",
    "describe-vpcs": "Vpcs",
    "describe-instances": "Reservations",
    "describe-internet-gateways": "InternetGateways",
    "describe-nat-gateways": "NatGateways",
    "describe-security-group-rules": "SecurityGroupRules",
    "describe-prefix-lists": "PrefixLists",
}
"""Each command, and the member of its output that holds the list."""

ANSWERS: tuple[str, ...] = tuple(MEMBERS)
REQUIRED: tuple[str, ...] = ANSWERS[:5]
"""A verdict needs these; the others refine it."""


def how_to_save(command: str) -> str:
    """The command line that saves the output as `<command>.json`."""
    return f"aws ec2 {command} --output json > {command}.json"
