"""Which objects of a bucket a run wants, by their keys alone, and how to list them without listing everything.

AWS's folders, under any prefix (the second form is Hive-compatible; hours are optional):
  AWSLogs/[o-<organization>/]<account>/<service>/<region>/<YYYY>/<MM>/<DD>/[<HH>/]<name>
  AWSLogs/aws-account-id=<account>/aws-service=<service>/aws-region=<region>/year=<YYYY>/month=<MM>/day=<DD>/...
  name: <account>_<vpcflowlogs|CloudTrail>_<region>_[<flow log>_]<YYYYMMDD>T<HHMM>Z_<hash>.<suffix>

Source: VPC User Guide, "Flow log files"; CloudTrail User Guide, "Finding your CloudTrail log files".
"""

import re
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from connectors.aws import s3
from connectors.aws.access import DEFAULT, Access
from pipelines.ingest.find.kinds import CLOUDTRAIL_SERVICE, FLOW_LOG_SERVICE, of_another_service
from schemas.object_ref import ObjectKind, ObjectRef

EARLY = timedelta(minutes=15)
"""The time in a name is the start of the file's window; its records end at most 5 minutes later. 10 more to be safe."""

LATE = timedelta(hours=24)
"""AWS delivers within minutes, best effort. Objects named up to this much later than their records are still found."""

BEFORE = timedelta(hours=24)
"""Changes are wanted from this long before the range: what broke in it may have been changed earlier."""

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
"""How many unknown folders deep, and how many unknown entries wide, to look for `AWSLogs/` before everything underneath
is listed as it is."""


@dataclass(frozen=True)
class Place:
    """What the folders of a key, or of a prefix that ends with `/`, show; '' where they show nothing. `rest` is what
    follows the last folder that was recognized; `dated`: the next one is a year; `known`: there is an `AWSLogs/`."""

    account: str = ""
    service: str = ""
    region: str = ""
    rest: str = ""
    dated: bool = False
    known: bool = False


@dataclass(frozen=True)
class Selection:
    """The objects that may contain records of `[start, end)` (None: no bound) of these accounts, regions and flow logs
    (empty: all). `late` is how much later than its records an object may be named.

    An object is selected whole, including records outside the range: it counts once and is read once. What a key does
    not show (account, region, flow log or time) does not exclude the object. In AWS's own layout, with a range, only
    objects in the folder of a day are considered.
    """

    start: datetime | None = None
    end: datetime | None = None
    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    late: timedelta = LATE
    flow_logs: frozenset[str] = frozenset()

    @property
    def first(self) -> datetime | None:
        """The earliest time that a name may have."""
        return None if self.start is None else max(self.start, _EARLIEST) - EARLY

    @property
    def last(self) -> datetime | None:
        """The latest time that a name may have."""
        return None if self.end is None else min(self.end, _LATEST - self.late) + self.late

    @property
    def days(self) -> tuple[str, str] | None:
        """First and last day folder, as `YYYYMMDD`; a day wider than names: a file may be in an adjacent folder."""
        if self.first is None and self.last is None:
            return None
        first = "0" * 8 if self.first is None else f"{self.first - _DAY:%Y%m%d}"
        return first, "9" * 8 if self.last is None else f"{self.last + _DAY:%Y%m%d}"

    def selects(self, key: str, kind: ObjectKind) -> bool:
        """Whether an object with this key may contain what is wanted of `kind`."""
        place = place_of(key)
        return self.enters(place, kind) and self._day(place) and self._name(key)

    def enters(self, place: Place, kind: ObjectKind) -> bool:
        """Whether account, service and region, as far as they are known, are wanted."""
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
    """The selection for CloudTrail: the changes from which the configuration in the range is reconstructed.

    `snapshots` are the snapshot times of each account and region. Changes are applied forward from the last snapshot
    before the range. Without one they are undone back from the first snapshot after the range or, if there is none at
    all, from one that is yet to be taken.
    """
    start, end = selection.start, selection.end
    if start is not None:
        before = [max((at for at in times if at <= start), default=start) for times in snapshots]
        start = min([max(start, _EARLIEST + BEFORE) - BEFORE, *before])
    if end is not None:
        ends = [end if min(times) <= end else min(times) for times in snapshots if times]
        end = max(ends, default=None)
    return replace(selection, start=start, end=end)


def place_of(key: str) -> Place:
    """What the folders of `key` show: nothing without `AWSLogs/`, and nothing after a folder that does not fit.

    >>> place = place_of("logs/AWSLogs/123456789010/vpcflowlogs/us-east-1/2026/11/20/x.log.gz")
    >>> place.account, place.service, place.region, place.rest, place.dated
    ('123456789010', 'vpcflowlogs', 'us-east-1', '2026/11/20/x.log.gz', True)
    """
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


def objects(
    bucket: str, prefix: str, selection: Selection, kind: ObjectKind, access: Access = DEFAULT
) -> Iterator[ObjectRef]:
    """Yields exactly the objects under `prefix` that `selection.selects`, with few requests: folders of other accounts,
    services, regions and days are not listed. Raises FlowtrailError when the bucket cannot be listed."""
    with ThreadPoolExecutor(s3.READERS) as pool:
        folders = [_Folder(prefix)]
        while folders:
            levels = list(pool.map(lambda folder: _list_level(bucket, folder, selection, kind, access), folders))
            folders = [folder for level in levels for folder in level.folders]
            for level in levels:
                yield from (ref for ref in level.refs if selection.selects(ref.key, kind))
            streams = iter([stream for level in levels for stream in level.streams])
            while batch := list(islice(streams, s3.READERS)):
                firsts = pool.map(
                    lambda stream: s3.list_page(bucket, stream.prefix, after=stream.after, access=access), batch
                )
                for stream, first in zip(batch, firsts, strict=True):
                    refs = _rest(bucket, stream, first, access)
                    yield from (ref for ref in refs if selection.selects(ref.key, kind))


@dataclass(frozen=True)
class _Folder:
    """A prefix to list one level at a time; `depth` is the number of unknown folders above it."""

    prefix: str
    depth: int = 0


@dataclass(frozen=True)
class _Stream:
    """A prefix whose keys are all listed, in order: those after `after` and, unless it is '', before `until`."""

    prefix: str
    after: str = ""
    until: str = ""


@dataclass(frozen=True)
class _Level:
    """The contents of one level: objects, folders to look into, and prefixes to list as they are."""

    refs: tuple[ObjectRef, ...] = ()
    folders: tuple[_Folder, ...] = ()
    streams: tuple[_Stream, ...] = ()


def _list_level(bucket: str, folder: _Folder, selection: Selection, kind: ObjectKind, access: Access) -> _Level:
    here = place_of(folder.prefix)
    if here.dated or folder.depth > _DEEPEST:
        return _Level(streams=_days(folder.prefix, here, selection))
    refs: list[ObjectRef] = []
    below: list[tuple[str, Place]] = []
    for page in s3.list_pages(bucket, folder.prefix, folders=True, access=access):
        refs += page.refs
        below += [(prefix, place_of(prefix)) for prefix in page.folders]
        if len(refs) + sum(_unknown(place) for _, place in below) > _WIDEST:
            return _Level(streams=(_Stream(folder.prefix),))
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
            folders.append(_Folder(prefix, folder.depth + 1 if _unknown(place) else 0))
    return _Level(tuple(refs), tuple(folders), tuple(streams))


def _unknown(place: Place) -> bool:
    return not place.known or bool(place.rest and not place.dated)


def _days(prefix: str, place: Place, selection: Selection) -> tuple[_Stream, ...]:
    """The wanted days of a year folder, whose keys are consecutive in both forms. Any other prefix is listed whole."""
    if selection.days is None or not _YEAR.fullmatch(place.rest):
        return (_Stream(prefix),)
    year = place.rest.strip("/")[-4:]
    first, last = selection.days
    if not first[:4] <= year <= last[:4]:
        return ()
    month, day = ("month=", "day=") if "=" in place.rest else ("", "")
    after = f"{prefix}{month}{first[4:6]}/{day}{first[6:]}" if year == first[:4] else ""
    until = f"{prefix}{month}{last[4:6]}/{day}{last[6:]}0" if year == last[:4] else ""  # `0` is the character after `/`
    return (_Stream(prefix, after, until),)


def _rest(bucket: str, stream: _Stream, page: s3.Page, access: Access) -> Iterator[ObjectRef]:
    while True:
        for ref in page.refs:
            if stream.until and ref.key >= stream.until:
                return
            yield ref
        if not page.more:
            return
        page = s3.list_page(bucket, stream.prefix, more=page.more, access=access)


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
