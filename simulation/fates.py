"""The walk for many packets at once: packets that no rule can distinguish share one walk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulation.walk import Answers, addresses_of, interfaces, walk

Ints = NDArray[np.int64]

ACTIONS = ("ACCEPT", "REJECT")
REPLIES = ("ACCEPT", "REJECT", "LOST", "NONE")
OUTCOMES = ("completes", "rejected", "lost")


@dataclass(frozen=True)
class Fate:
    """For each packet: indexes into ACTIONS, REPLIES and OUTCOMES."""

    action: Ints
    reply: Ints
    outcome: Ints


class Fates:
    """The answers of one moment, and the addresses that packets refer to by index.

    Rules and routes distinguish addresses only by whether they belong to an interface or are in a CIDR, and ports only
    by whether they are between two bounds. So addresses and ports fall into classes, and one walk decides for a class.
    """

    def __init__(self, answers: Answers, addresses: Sequence[str]) -> None:
        self._answers = answers
        self._addresses = addresses
        own = sorted({address for eni in interfaces(answers) for address in addresses_of(eni)})
        cidrs = [ip_network(cidr, strict=False) for cidr in sorted(set(_cidrs(answers)))]
        classes: dict[tuple[object, ...], int] = {}
        numbers = []
        for address in addresses:
            ip = ip_address(address)
            inside = (ip.version == net.version and ip in net for net in cidrs)
            key = (address,) if address in own else (ip.version, *inside)
            numbers.append(classes.setdefault(key, len(classes)))
        self._address_class = np.array(numbers, dtype=np.int64)
        self._port_bounds = np.array(sorted(set(_port_bounds(answers))), dtype=np.int64)

    def of(self, interface_id: str, src: Ints, dst: Ints, protocol: Ints, ports: tuple[Ints, Ints]) -> Fate:
        """Fates of opening packets at the interface; `src` and `dst` are indexes of addresses, `ports` are the source
        and destination ports."""
        key = np.stack(
            [
                self._address_class[src],
                self._address_class[dst],
                protocol,
                np.searchsorted(self._port_bounds, ports[0], side="right"),
                np.searchsorted(self._port_bounds, ports[1], side="right"),
            ],
            axis=1,
        )
        _, first, member = np.unique(key, axis=0, return_index=True, return_inverse=True)
        decided = np.empty((len(first), 3), dtype=np.int64)
        for row, i in enumerate(first):
            ends = self._addresses[src[i]], self._addresses[dst[i]]
            one = walk(self._answers, interface_id, *ends, int(protocol[i]), int(ports[0][i]), int(ports[1][i]))
            decided[row] = ACTIONS.index(one.action), REPLIES.index(one.reply), OUTCOMES.index(one.outcome)
        by_packet = decided[member.reshape(-1)]
        return Fate(by_packet[:, 0], by_packet[:, 1], by_packet[:, 2])


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a value, at any depth."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _cidrs(answers: Answers) -> Iterator[str]:
    names = ("CidrBlock", "Ipv6CidrBlock", "CidrIp", "CidrIpv6", "DestinationCidrBlock", "DestinationIpv6CidrBlock")
    for answer in answers.values():
        for thing in _objects(answer):
            yield from (thing[name] for name in names if isinstance(thing.get(name), str))


def _port_bounds(answers: Answers) -> Iterator[int]:
    """The first port of each range and the first one after it."""
    for answer in answers.values():
        for thing in _objects(answer):
            for first, last in (("From", "To"), ("FromPort", "ToPort")):
                if isinstance(thing.get(first), int) and isinstance(thing.get(last), int):
                    yield thing[first]
                    yield thing[last] + 1
