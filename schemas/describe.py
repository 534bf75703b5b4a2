"""The `aws ec2 describe-*` answers that a snapshot is read from."""

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
}
"""The commands, and the member of each one's answer that is its list."""

ANSWERS: tuple[str, ...] = tuple(MEMBERS)
REQUIRED: tuple[str, ...] = ANSWERS[:5]
"""Without these there is no verdict; the others add to it."""


def how_to_save(command: str) -> str:
    """The command line that makes the file `<command>.json`."""
    return f"aws ec2 {command} --output json > {command}.json"
