"""CloudTrail calls as the timeline reads them, and the earlier calls on the same resources."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from network.aws.fields import Fields, unwrap
from schemas.change import ChangeEvent

RESOURCE_ID = re.compile(
    r"(?:acl|aclassoc|cagw|cgw|dopt|eigw|eipalloc|eipassoc|eni|eni-attach|fl|i|igw|lgw|lgw-rtb|nat|pcx|pl|rtb|rtbassoc|sg"
    r"|sgr|subnet|subnet-cidr-assoc|tgw|tgw-attach|tgw-rtb|vgw|vpc|vpc-cidr-assoc|vpcbpa-exclude|vpce|vpce-svc|vpn)"
    r"-[0-9a-zA-Z]{1,32}"
)


def ids_in(*values: Any) -> tuple[str, ...]:
    """The ids of network resources in these JSON values, sorted, without duplicates."""
    found: set[str] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            if RESOURCE_ID.fullmatch(value):
                found.add(value)
        elif isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return tuple(sorted(found))


@dataclass(frozen=True)
class Call:
    """A change event with its request and response ready to read."""

    event: ChangeEvent
    request: Fields
    response: Fields

    @property
    def name(self) -> str:
        return self.event.event_name


def call_of(event: ChangeEvent) -> Call:
    return Call(event, Fields(unwrap(event.request)), Fields(unwrap(event.response)))


class History:
    """All known calls in order, indexed by the resource ids they contain."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._calls = list(calls)
        self._naming: dict[str, list[int]] = {}
        for index, call in enumerate(self._calls):
            for resource in ids_in(call.event.request, call.event.response):
                self._naming.setdefault(resource, []).append(index)
        self._index = {call.event.event_id: index for index, call in enumerate(self._calls)}

    def before(self, call: Call, resource: str) -> Iterator[Call]:
        """The calls before this one that contain the resource id, newest first."""
        limit = self._index[call.event.event_id]
        return (self._calls[index] for index in reversed(self._naming.get(resource, ())) if index < limit)
