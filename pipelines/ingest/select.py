"""Which objects of a bucket a run wants, told by their keys alone, and how to list them without listing all.

AWS lays its logs out like this, below any prefix (the second form is Hive's, hours are optional):
  AWSLogs/[o-<organization>/]<account>/<service>/<region>/<YYYY>/<MM>/<DD>/[<HH>/]<name>
  AWSLogs/aws-account-id=<account>/aws-service=<service>/aws-region=<region>/year=<YYYY>/month=<MM>/day=<DD>/...
  name: <account>_<vpcflowlogs|CloudTrail>_<region>_[<flow log>_]<YYYYMMDD>T<HHMM>Z_<hash>.<suffix>
"""

import re
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from connectors import s3
from pipelines.ingest.kinds import CLOUDTRAIL_SERVICE, FLOW_LOG_SERVICE, of_another_service
from schemas.object_ref import ObjectKind, ObjectRef

EARLY = timedelta(minutes=15)
"""A name tells when the file's window began; its records end at most five minutes after that. Ten more to be sure."""

LATE = timedelta(hours=24)
"""AWS delivers within minutes, best effort; what is named up to so much later than its records is still found."""

BEFORE = timedelta(hours=24)
"""Changes are wanted from so long before the range on: what broke in it may have been changed before it."""

_DAY = timedelta(days=1)
_ROOT = "AWSLogs/"
_ACCOUNT = re.compile(r"(?:(?:aws-)?account-id=)?(\d+)/")
_ORGANIZATION = re.compile(r"o-[0-9a-z]+/")
_SERVICE = re.compile(r"(?:(?:aws-)?service=)?([^/=]+)/")
_REGION = re.compile(r"(?:(?:aws-)?region=)?([a-z]{2,}(?:-[a-z0-9]+)+)/")
_YEAR = re.compile(r"(?:year=)?\d{4}/")
_DATE = re.compile(r"(\d{4})/(\d\d)/(\d\d)/|year=(\d{4})/month=(\d\d)/day=(\d\d)/")
_NAME = re.compile(r"(\d+)_(?:vpcflowlogs|CloudTrail)_([a-z0-9-]+?)_(?:(fl-[0-9A-Za-z]+)_)?(\d{8}T\d{4})Z_[^/]*$")

_DEEPEST = 4
_WIDEST = 1_000
"""How many strange folders deep, and how many strange entries wide, we look for `AWSLogs/` before everything below is
listed as it is."""


@dataclass(frozen=True)
class Place:
    """What the folders of a key, or of a prefix that ends with `/`, tell; '' where they tell nothing. `rest` is what
    follows the last folder that was understood; `dated` that the next one is a year."""

    account: str = ""
    service: str = ""
    region: str = ""
    rest: str = ""
    dated: bool = False
    known: bool = False


@dataclass(frozen=True)
class Selection:
    """The objects that may hold records of `[start, end)` (None: no bound) of these accounts, regions and flow logs
    (empty: all).

    An object is selected whole, records outside the range included: an object counts once, and is read once. Where a
    key says neither account, region, flow log nor time, the object is selected. In AWS's own layout only what lies in a
    day's folder is looked at when there is a range.
    """

    start: datetime | None = None
    end: datetime | None = None
    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    late: timedelta = LATE
    flow_logs: frozenset[str] = frozenset()

    @property
    def first(self) -> datetime | None:
        """The earliest time a name may have."""
        return None if self.start is None else max(self.start, _EARLIEST) - EARLY

    @property
    def last(self) -> datetime | None:
        """The latest time a name may have."""
        return None if self.end is None else min(self.end, _LATEST - self.late) + self.late

    @property
    def days(self) -> tuple[str, str] | None:
        """First and last day of folders as `YYYYMMDD`, a day wider than names: a file may lie in its neighbour's."""
        if self.first is None and self.last is None:
            return None
        first = "0" * 8 if self.first is None else f"{self.first - _DAY:%Y%m%d}"
        return first, "9" * 8 if self.last is None else f"{self.last + _DAY:%Y%m%d}"

    def selects(self, key: str, kind: ObjectKind) -> bool:
        """Whether an object of this key may hold what is wanted of `kind`."""
        place = place_of(key)
        return self.enters(place, kind) and self._day(place) and self._name(key)

    def enters(self, place: Place, kind: ObjectKind) -> bool:
        """Whether account, service and region, as far as they are known, are wanted ones."""
        unwanted = FLOW_LOG_SERVICE if kind is ObjectKind.CLOUDTRAIL else CLOUDTRAIL_SERVICE
        return (
            (not self.accounts or not place.account or place.account in self.accounts)
            and (not self.regions or not place.region or place.region in self.regions)
            and place.service != unwanted
            and not of_another_service(place.service)
        )

    def _day(self, place: Place) -> bool:
        if self.days is None or not place.dated:
            return True
        date = _DATE.match(place.rest)
        return date is not None and self.days[0] <= "".join(date.groups("")) <= self.days[1]

    def _name(self, key: str) -> bool:
        name = _NAME.search(key)
        if name is None or (at := _time(name[4])) is None:
            return True
        return (
            (not self.accounts or name[1] in self.accounts)
            and (not self.regions or name[2] in self.regions)
            and (not self.flow_logs or name[3] is None or name[3] in self.flow_logs)
            and (self.first is None or self.first <= at)
            and (self.last is None or at <= self.last)
        )


_EARLIEST = datetime(1970, 1, 3, tzinfo=UTC)
_LATEST = datetime(9990, 1, 1, tzinfo=UTC)


def for_changes(selection: Selection, snapshots: Collection[Collection[datetime]]) -> Selection:
    """The same for CloudTrail: what the configuration in the range is made of. `snapshots` are the times of each
    place's (account's and region's): from its last one before the range changes lead forward; without one they lead
    back from the first behind the range, or, where none is known, from one that is yet to be taken."""
    start, end = selection.start, selection.end
    if start is not None:
        before = [max((at for at in times if at <= start), default=start) for times in snapshots]
        start = min([max(start, _EARLIEST + BEFORE) - BEFORE, *before])
    if end is not None:
        behind = [end if min(times) <= end else min(times) for times in snapshots if times]
        end = max(behind, default=None)
    return replace(selection, start=start, end=end)


def place_of(key: str) -> Place:
    """What the folders of `key` say. Without `AWSLogs/` nothing; a folder that does not fit ends what is understood."""
    at = key.find(_ROOT) if key.startswith(_ROOT) else key.find(f"/{_ROOT}") + 1
    if not key.startswith(_ROOT, at):
        return Place()
    rest = key[at + len(_ROOT) :]
    found = []
    for number, pattern in enumerate((_ACCOUNT, _SERVICE, _REGION)):
        if number == 0 and (organization := _ORGANIZATION.match(rest)):
            rest = rest[organization.end() :]
        folder = pattern.match(rest)
        if folder is None:
            break
        found.append(folder[1])
        rest = rest[folder.end() :]
    account, service, region = (*found, "", "", "")[:3]
    return Place(account, service, region, rest, bool(region and _YEAR.match(rest)), known=True)


def objects(bucket: str, prefix: str, selection: Selection, kind: ObjectKind) -> Iterator[ObjectRef]:
    """Exactly the objects under `prefix` that `selection.selects`, with few requests: folders of other accounts,
    services, regions and days are not entered. Raises FlowtrailError when the bucket cannot be listed."""
    with ThreadPoolExecutor(s3.READERS) as pool:
        folders = [_Folder(prefix)]
        while folders:
            looked = list(pool.map(lambda folder: _look(bucket, folder, selection, kind), folders))
            folders = [folder for look in looked for folder in look.folders]
            for look in looked:
                yield from (ref for ref in look.refs if selection.selects(ref.key, kind))
            streams = iter([stream for look in looked for stream in look.streams])
            while some := list(islice(streams, s3.READERS)):
                firsts = pool.map(lambda stream: s3.list_page(bucket, stream.prefix, after=stream.after), some)
                for stream, first in zip(some, firsts, strict=True):
                    refs = _rest(bucket, stream, first)
                    yield from (ref for ref in refs if selection.selects(ref.key, kind))


@dataclass(frozen=True)
class _Folder:
    """A prefix to look into, folder by folder; `depth` is how many unknown folders lie above it."""

    prefix: str
    depth: int = 0


@dataclass(frozen=True)
class _Stream:
    """A prefix whose keys are listed one after the other, from behind `after` to the last that is below `until`."""

    prefix: str
    after: str = ""
    until: str = ""


@dataclass(frozen=True)
class _Look:
    """What one level holds: objects, folders to look into, and what to list as it is."""

    refs: tuple[ObjectRef, ...] = ()
    folders: tuple[_Folder, ...] = ()
    streams: tuple[_Stream, ...] = ()


def _look(bucket: str, folder: _Folder, selection: Selection, kind: ObjectKind) -> _Look:
    here = place_of(folder.prefix)
    if here.dated or folder.depth > _DEEPEST:
        return _Look(streams=_days(folder.prefix, here, selection))
    refs: list[ObjectRef] = []
    below: list[tuple[str, Place]] = []
    for page in s3.list_pages(bucket, folder.prefix, folders=True):
        refs += page.refs
        below += [(prefix, place_of(prefix)) for prefix in page.folders]
        if len(refs) + sum(_strange(place) for _, place in below) > _WIDEST:
            return _Look(streams=(_Stream(folder.prefix),))
    folders: list[_Folder] = []
    streams: list[_Stream] = []
    for prefix, place in below:
        if not selection.enters(place, kind):
            continue
        if place.dated:
            streams += _days(prefix, place, selection)
        elif place.region and (place.rest or selection.days is None):
            streams.append(_Stream(prefix))
        else:
            folders.append(_Folder(prefix, folder.depth + 1 if _strange(place) else 0))
    return _Look(tuple(refs), tuple(folders), tuple(streams))


def _strange(place: Place) -> bool:
    return not place.known or bool(place.rest and not place.dated)


def _days(prefix: str, place: Place, selection: Selection) -> tuple[_Stream, ...]:
    """The wanted days of a year's folder: their keys follow each other, in Hive's form too. Other prefixes whole."""
    if selection.days is None or not _YEAR.fullmatch(place.rest):
        return (_Stream(prefix),)
    year = place.rest.strip("/")[-4:]
    first, last = selection.days
    if not first[:4] <= year <= last[:4]:
        return ()
    month, day = ("month=", "day=") if "=" in place.rest else ("", "")
    after = f"{prefix}{month}{first[4:6]}/{day}{first[6:]}" if year == first[:4] else ""
    until = f"{prefix}{month}{last[4:6]}/{day}{last[6:]}0" if year == last[:4] else ""  # `0` follows `/`
    return (_Stream(prefix, after, until),)


def _rest(bucket: str, stream: _Stream, page: s3.Page) -> Iterator[ObjectRef]:
    while True:
        for ref in page.refs:
            if stream.until and ref.key >= stream.until:
                return
            yield ref
        if not page.more:
            return
        page = s3.list_page(bucket, stream.prefix, more=page.more)


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
