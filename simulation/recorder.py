"""CloudTrail, which moto does not simulate: each call made with the real `aws` command line leaves a record.

The envelope is that of event version 1.10. Source: the CloudTrail record reference and real management events.
"""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulation.aws import ACCOUNT, REGION, AwsCli
from simulation.calls import Json, parse, request_parameters, response_elements

USER_AGENT = "aws-cli/2.31.18 md/awscrt#0.28.2 ua/2.1 os/linux#6.8 md/arch#x86_64 lang/python#3.13.7"
EVENT_VERSION = "1.10"


@dataclass(frozen=True)
class Actor:
    """The caller: an IAM user or, with `role`, a session of that role."""

    name: str
    source_ip: str
    role: str = ""

    @property
    def arn(self) -> str:
        if self.role:
            return f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role}/{self.name}"
        return f"arn:aws:iam::{ACCOUNT}:user/{self.name}"

    def identity(self, at: datetime) -> Json:
        """`userIdentity` of a call made at this time."""
        if not self.role:
            return {
                "type": "IAMUser",
                "principalId": _principal("AIDA", self.name),
                "arn": self.arn,
                "accountId": ACCOUNT,
                "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
                "userName": self.name,
            }
        issuer = _principal("AROA", self.role)
        return {
            "type": "AssumedRole",
            "principalId": f"{issuer}:{self.name}",
            "arn": self.arn,
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": issuer,
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/{self.role}",
                    "accountId": ACCOUNT,
                    "userName": self.role,
                },
                "webIdFederationData": {},
                "attributes": {"creationDate": _time(at - timedelta(minutes=20)), "mfaAuthenticated": "false"},
            },
        }


class Recorder:
    """Runs calls and keeps their records, in call order. Ids come from the seed."""

    def __init__(self, aws: AwsCli, seed: int) -> None:
        self._aws = aws
        self._random = random.Random(seed)
        self.records: list[Json] = []

    def run(self, command: str | Sequence[str], at: datetime, actor: Actor) -> Json:
        """Really run a command line, and record it as a call by `actor` at the simulated time `at`.

        Raises UnknownCall, before anything is run, if its record cannot be written, and AwsError if the command fails.
        """
        call = parse(command)
        request = request_parameters(call)
        answer = self._aws.ec2(call.words)
        record = self._record(call.event_name, at, actor)
        record["requestParameters"] = request
        record["responseElements"] = response_elements(call, answer, record["requestID"], ACCOUNT)
        self.records.append(record)
        return record

    def refuse(self, command: str | Sequence[str], at: datetime, actor: Actor) -> Json:
        """Record a call that IAM denied. It is only recorded, never run: moto would allow it."""
        call = parse(command)
        record = self._record(call.event_name, at, actor)
        record |= {
            "errorCode": "Client.UnauthorizedOperation",
            "errorMessage": f"You are not authorized to perform this operation. User: {actor.arn} is not authorized to "
            f"perform: ec2:{call.event_name} because no identity-based policy allows the ec2:{call.event_name} action",
            "requestParameters": request_parameters(call),
            "responseElements": None,
        }
        self.records.append(record)
        return record

    def _record(self, event_name: str, at: datetime, actor: Actor) -> Json:
        return envelope(event_name, at, actor, self._random)


def envelope(
    event_name: str, at: datetime, actor: Actor, rng: random.Random, *, service: str = "ec2", read_only: bool = False
) -> Json:
    """A management event without `requestParameters` and `responseElements`."""
    return {
        "eventVersion": EVENT_VERSION,
        "userIdentity": actor.identity(at),
        "eventTime": _time(at),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": event_name,
        "awsRegion": REGION,
        "sourceIPAddress": actor.source_ip,
        "userAgent": USER_AGENT,
        "requestParameters": None,
        "responseElements": None,
        "requestID": _uuid(rng),
        "eventID": _uuid(rng),
        "readOnly": read_only,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{service}.{REGION}.amazonaws.com",
        },
    }


_READS: tuple[tuple[str, Any], ...] = (
    ("DescribeInstances", {"instancesSet": {}, "filterSet": {}}),
    ("DescribeRouteTables", {"routeTableIdSet": {}, "filterSet": {}}),
    ("DescribeNetworkAcls", {"networkAclIdSet": {}, "filterSet": {}}),
    ("DescribeSecurityGroups", {"securityGroupSet": {}, "securityGroupIdSet": {}, "filterSet": {}}),
    ("DescribeNetworkInterfaces", {"networkInterfaceIdSet": {}, "filterSet": {}}),
)


def background(seed: int, begin: datetime, end: datetime) -> list[Json]:
    """The other events in an account's trail: monitoring reads every minute or two, sign-ins, assumed roles."""
    rng = random.Random(f"background {seed}")
    monitor = Actor("monitor", "198.51.100.200", "Monitoring")
    person = Actor("grace", "198.51.100.44")
    records: list[Json] = []
    at = begin + timedelta(seconds=rng.uniform(5, 60))
    while at < end:
        if rng.random() < 0.9:
            name, request = rng.choice(_READS)
            record = envelope(name, at, monitor, rng, read_only=True) | {"requestParameters": request}
        elif rng.random() < 0.5:
            record = envelope("AssumeRole", at, person, rng, service="sts", read_only=True)
            record["requestParameters"] = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/Monitoring"}
        else:
            record = envelope("ConsoleLogin", at, person, rng, service="signin")
            record |= {"eventType": "AwsConsoleSignIn", "responseElements": {"ConsoleLogin": "Success"}}
        records.append(record)
        at += timedelta(seconds=rng.uniform(20, 160))
    return records


def _principal(prefix: str, name: str) -> str:
    """An id of the usual 21 characters, always the same for a name."""
    return prefix + uuid.uuid5(uuid.NAMESPACE_DNS, name).hex[:17].upper()


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
