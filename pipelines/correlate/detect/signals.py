"""The result of detection and the input of blame: runs of one peer, and the signals that consist of them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address

from schemas.incident import Kind


@dataclass(frozen=True, order=True)
class Pointer:
    """Identifies a row of `flows`."""

    object_id: int
    row_no: int


@dataclass(frozen=True)
class Conversation:
    """The two ends and the service of a conversation, as in the flow log. `server`: the local end has the service
    port."""

    local: str
    peer: str
    protocol: int
    local_port: int
    peer_port: int
    server: bool

    @property
    def port(self) -> int:
        return self.local_port if self.server else self.peer_port


@dataclass(frozen=True)
class Run:
    """The period in which one peer could not use a service of an interface.

    `last_good`: its last flow before that got through; `first_bad` and `last_bad`: the first and last that did not
    (None: there were no flows); `recovered`: the first that got through again. The pointers identify their rows.
    `flows` counts the rows that did not get through. `opened`: for rejects, when its last connection before that was
    opened, or the first sign of it where no opening was logged.
    """

    conversation: Conversation
    last_good: datetime
    good_row: Pointer | None = None
    first_bad: datetime | None = None
    last_bad: datetime | None = None
    first_row: Pointer | None = None
    last_row: Pointer | None = None
    recovered: datetime | None = None
    recovered_row: Pointer | None = None
    flows: int = 0
    opened: datetime | None = None


@dataclass(frozen=True)
class Signal:
    """Runs of the same kind, service and time at one interface.

    `reply`: answers are rejected, not requests. `strong`: reported even if no change explains it. `last_good`: when the
    service last worked before. `until`: the last moment at which it is known not to work. `recovered`: when it worked
    again. `since`: the first minute without it, for lost traffic of a whole service. `silent`: found only by the
    absence of rows. `busy`: the share of earlier minutes in which conversations of the service completed; 0 if that was
    not measured. `rejects_logged`: the interface's log has rejected records; where it has none at all, perhaps only
    accepted traffic is logged.
    """

    kind: Kind
    interface_id: str
    protocol: int
    port: int
    server: bool
    reply: bool
    strong: bool
    silent: bool
    last_good: datetime
    until: datetime
    recovered: datetime | None
    runs: tuple[Run, ...]
    recovered_row: Pointer | None = None
    since: datetime | None = None
    busy: float = 0.0
    rejects_logged: bool = True


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def pointer(object_id: int, row_no: int) -> Pointer:
    """A pointer from column values; `object_id` contains the 64 bits of the id as a signed number."""
    return Pointer(int(object_id) & (1 << 64) - 1, int(row_no))


def address(packed: bytes) -> str:
    """The text of a 16-byte address; a mapped IPv4 address as IPv4."""
    value = IPv6Address(packed)
    return str(value.ipv4_mapped or value)
