"""What detection hands to blame: runs of one peer, and the signals they make up."""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address

from schemas.incident import Kind


@dataclass(frozen=True, order=True)
class Pointer:
    """Names a row of `flows`."""

    object_id: int
    row_no: int


@dataclass(frozen=True)
class Conversation:
    """Two ends and a service, as the flow log has them. `server`: the local end has the service port."""

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
    """One peer's time of trouble with a service of an interface.

    `last_good`: its last flow that got through before; `first_bad` and `last_bad`:
    the first and last that did not (None: it fell silent); `recovered`: the first that did again. The pointers name
    the rows. `flows` counts the rows that did not get through.
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


@dataclass(frozen=True)
class Signal:
    """Runs of the same kind, service and time at one interface.

    `reply`: what is rejected is the answer, not the request. `strong`: enough to tell of even if no change explains it.
    `last_good`: when the service last worked before. `until`: the last moment that is known to be without it.
    `recovered`: when it worked again. `silent`: found by the absence of rows alone.
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


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def pointer(object_id: int, row_no: int) -> Pointer:
    """From columns that hold the id's 64 bits as a signed number."""
    return Pointer(int(object_id) & (1 << 64) - 1, int(row_no))


def address(packed: bytes) -> str:
    """Text of 16 bytes; IPv4 where it was mapped."""
    value = IPv6Address(packed)
    return str(value.ipv4_mapped or value)
