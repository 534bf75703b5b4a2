"""What stops nothing: changes that concern no traffic there is, and clients and servers that come to an end by
themselves."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulation.worlds.account import Account
from simulation.worlds.faults import Said, _entry, _revoke, _tcp


def decoys(a: Account, dice: random.Random, many: int) -> list[Said]:
    """Harmless calls by others: some around the time of the fault, the rest up to an hour away."""
    made: list[Said] = []
    port = 20000 + dice.randrange(1000)
    for number in range(many):
        after = dice.choice((dice.randint(-90, 90), dice.randint(-3600, 2400)))
        acl = a.id(dice.choice(("acl-pub", "acl-prv")))
        table = a.id(dice.choice(("rtb-pub", "rtb-prv")))
        group = a.id(dice.choice(("sg-web", "sg-app", "sg-db")))
        number_ = 300 + number
        line = dice.choice(
            (
                _entry(acl, number_, "deny", _tcp(443)),  # after an entry that allows everything
                _entry(acl, 250 + number, "allow", _tcp(port)),
                _entry(acl, 150 + number, "deny", _tcp(port)),
                _entry(a.id("acl-shut"), number_, "deny", _tcp(443)),
                _revoke(group, "tcp", port + number).replace("revoke-", "authorize-", 1),
                _revoke(a.id("sg-none"), "tcp", 443, f"192.0.2.{number}/32").replace("revoke-", "authorize-", 1),
                f"create-route --route-table-id {table} --destination-cidr-block 172.16.{number}.0/24"
                f" --gateway-id {a.id('igw-one')}",
                f"delete-route --route-table-id {a.id('rtb-main')} --destination-cidr-block 192.0.2.0/24",
                f"create-tags --resources {a.id('i-web')} --tags Key=n,Value={number}",
            )
        )
        made.append(Said(line, after, guilty=False, actor=dice.choice(("alice", "bob", "carol"))))
    for name, group in (("sg-web", "198.51.100.0/24"), ("sg-app", "10.0.0.0/8"), ("sg-db", "10.0.0.0/8")):
        if dice.random() < many / 10:  # a rule for a port that nobody uses
            after = dice.randint(-90, 90)
            made.append(Said(_revoke(a.id(name), "tcp", 9999, group), after, guilty=False, actor="dave"))
    return made


@dataclass(frozen=True)
class Ending:
    """What comes to an end without a change of the network. `silent`: clients of the named conversation stop;
    `unanswered`: they go on and nobody answers; `idle`: pooled connections rest for longer than they are tracked;
    `partly`: one client stops. `calls` are made at the same time."""

    what: str
    conversation: str
    calls: Sequence[Said] = ()


Event = Callable[[Account, random.Random], Ending | None]


def nothing(_: Account, __: random.Random) -> Ending | None:
    return None


def crash(_: Account, dice: random.Random) -> Ending:
    return Ending("unanswered", dice.choice(("https", "database", "resolver")))


def crash_in_silence(_: Account, dice: random.Random) -> Ending:
    return Ending("silent", dice.choice(("https", "database", "out")))


def client_moves(_: Account, dice: random.Random) -> Ending:
    return Ending("partly", dice.choice(("https", "admin")))


def scale_in(a: Account, _: random.Random) -> Ending:
    request = (("instanceId", a.id("i-web")),)
    return Ending("gone", "web", [Said(name="TerminateInstances", request=request, guilty=False, actor="autoscaling")])


def idle_pool(_: Account, __: random.Random) -> Ending:
    return Ending("idle", "database")


EVENTS: dict[str, Event] = {
    event.__name__.replace("_", "-"): event
    for event in (nothing, nothing, crash, crash_in_silence, client_moves, scale_in, idle_pool)
}
"""By name, what may happen in a clean window."""
