"""Listing by account, region and time finds exactly what a slow filter over everything finds, with few requests."""

import fnmatch
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.aws import s3
from pipelines.ingest.find import selection as select
from pipelines.ingest.find.selection import Selection, for_changes
from schemas.object_ref import ObjectKind
from tests.conftest import Bucket

ROOT = Path(__file__).parents[2]
ACCOUNTS = ("111111111111", "222222222222")
REGIONS = ("eu-central-1", "us-gov-west-1")
DAYS = [datetime(2026, 2, 27, tzinfo=UTC) + timedelta(days=n) for n in range(5)] + [
    datetime(2025, 12, 31, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
]
SERVICES = ("vpcflowlogs", "CloudTrail", "CloudTrail-Digest", "Config", "ours")


def keys() -> list[str]:
    """Keys in every layout, and everything else that may be in a bucket."""
    found = []
    number = 0
    for prefix in ("", "team/net/", "AWSLogs.old/"):
        for account in ACCOUNTS:
            for region in REGIONS:
                for day in DAYS:
                    number += 1
                    at = day + timedelta(hours=number * 5 % 24, minutes=number * 7 % 60)
                    service = SERVICES[number % len(SERVICES)]
                    plain = f"{prefix}AWSLogs/{account}/{service}/{region}/{at:%Y/%m/%d}/"
                    hourly = plain + f"{at:%H}/"
                    hive = (
                        f"{prefix}AWSLogs/aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/"
                        f"year={at:%Y}/month={at:%m}/day={at:%d}/"
                    )
                    org = f"{prefix}AWSLogs/o-abc123/{account}/CloudTrail/{region}/{at:%Y/%m/%d}/"
                    log = f"{account}_vpcflowlogs_{region}_fl-0a{number % 3}_{at:%Y%m%dT%H%MZ}_{number:08x}.log.gz"
                    trail = f"{account}_CloudTrail_{region}_{at:%Y%m%dT%H%MZ}_{number:016x}.json.gz"
                    late = log.replace(f"{at:%Y%m%dT}", f"{at + timedelta(days=1):%Y%m%dT}")
                    found += [plain + log, hourly + log, hive + log, f"{hive}hour={at:%H}/{log}", org + trail]
                    found += [plain + late, plain + "notes.txt", prefix + "copies/" + log]
    account, region = ACCOUNTS[0], REGIONS[0]
    base = f"AWSLogs/{account}/vpcflowlogs/{region}/"
    found += [
        "notes.txt",
        "AWSLogs/",
        "AWSLogs/readme",
        "AWSLogs//x",
        f"AWSLogs/{account}/",
        f"AWSLogs/{account}/x/y/z/deep/er/still/a",
        "a/b/c/d/e/f/g/AWSLogs/111111111111/vpcflowlogs/eu-central-1/2026/02/28/x",
        f"{base}stray",
        f"{base}strange/folder/x",
        f"{base}2026/stray",
        f"{base}2026/02/stray",
        f"{base}2026/02/28",
        f"{base}2026/2/28/x",
        f"{base}year=2026/02/28/x",
        f"{base}2026/13/45/x",
        f"{base}2026/02/28extra/x",
        f"{base}2026/02/28/{account}_vpcflowlogs_{region}_fl-1_20269999T9999Z_a.log.gz",
    ]
    return sorted(set(found))


KEYS = keys()


def wanted(key: str, selection: Selection, kind: ObjectKind) -> bool:
    """The slow and obvious rule, from AWS's description of the layout: split the key into folders and check each."""
    *folders, name = key.split("/")
    if "AWSLogs" in folders:
        below = [
            re.sub(r"^(aws-)?(account-id|service|region)=", "", f) for f in folders[folders.index("AWSLogs") + 1 :]
        ]
        if below and re.fullmatch(r"o-[0-9a-z]+", below[0]):
            below = below[1:]
        account = below[0] if below and below[0].isdigit() else ""
        service = below[1] if account and len(below) > 1 and below[1] else ""
        region = below[2] if service and len(below) > 2 and re.fullmatch(r"[a-z]{2,}(-[a-z0-9]+)+", below[2]) else ""
        if account and selection.accounts and account not in selection.accounts:
            return False
        if service in ("CloudTrail-Digest", "Config"):
            return False
        if service == ("vpcflowlogs" if kind is ObjectKind.CLOUDTRAIL else "CloudTrail"):
            return False
        if region and selection.regions and region not in selection.regions:
            return False
        dates = below[3:] if region else []
        ranged = selection.start or selection.end
        if ranged and dates and re.fullmatch(r"(year=)?\d{4}", dates[0]):
            text = "/".join(dates[:3])
            match = re.fullmatch(r"(\d{4})/(\d\d)/(\d\d)|year=(\d{4})/month=(\d\d)/day=(\d\d)", text)
            if match is None:
                return False
            day = "".join(part for part in match.groups() if part)
            if selection.start and day < f"{selection.start - timedelta(days=1, minutes=15):%Y%m%d}":
                return False
            if selection.end and day > f"{selection.end + selection.late + timedelta(days=1):%Y%m%d}":
                return False
    match = re.fullmatch(r"(\d+)_(vpcflowlogs|CloudTrail)_([a-z0-9-]+)(_fl-\w+)?_(\d{8}T\d{4})Z_.*", name)
    if match is None:
        return True
    try:
        at = datetime.strptime(match[5], "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return True
    return (
        (not selection.accounts or match[1] in selection.accounts)
        and (not selection.regions or match[3] in selection.regions)
        and (not selection.flow_logs or not match[4] or match[4].strip("_") in selection.flow_logs)
        and (selection.start is None or at >= selection.start - timedelta(minutes=15))
        and (selection.end is None or at <= selection.end + selection.late)
    )


@pytest.fixture(scope="module")
def layout(_moto_server: str) -> Iterator[Bucket]:
    """A bucket with every key; all objects are empty."""
    yield Bucket("layouts", _moto_server)


moments = st.sampled_from([day + timedelta(hours=h) for day in DAYS for h in (0, 11, 23)])
selections = st.builds(
    Selection,
    start=st.none() | moments,
    end=st.none() | moments,
    accounts=st.frozensets(st.sampled_from(ACCOUNTS), max_size=2),
    regions=st.frozensets(st.sampled_from(REGIONS), max_size=2),
    flow_logs=st.frozensets(st.sampled_from(["fl-0a0", "fl-0a1", "fl-9"]), max_size=2),
    late=st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(hours=24), timedelta(days=40)]),
)
prefixes = st.sampled_from(KEYS).flatmap(lambda key: st.integers(0, len(key)).map(lambda n: key[:n]))


def test_the_same_as_a_slow_filter_over_everything(
    layout: Bucket, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("s3", endpoint_url=layout.endpoint)
    client.create_bucket(Bucket=layout.name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for key in KEYS:
        client.put_object(Bucket=layout.name, Key=key, Body=b"")
    monkeypatch.setattr(s3, "list_page", cache(s3.list_page))  # the bucket stays as it is: each page is asked for once
    narrowed = 0

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(selections, st.just("") | prefixes, st.sampled_from([ObjectKind.FLOW_LOG, ObjectKind.CLOUDTRAIL]))
    def compare(selection: Selection, prefix: str, kind: ObjectKind) -> None:
        nonlocal narrowed
        found = [ref.key for ref in select.objects(layout.name, prefix, selection, kind)]
        expected = [key for key in KEYS if key.startswith(prefix) and wanted(key, selection, kind)]
        assert len(found) == len(set(found))
        assert sorted(found) == expected
        assert all(selection.selects(key, kind) for key in expected)
        narrowed += 0 < len(expected) < len(KEYS) // 2

    compare()
    assert narrowed > 5


@pytest.mark.parametrize("hive", [False, True])
def test_days_outside_the_range_cost_nothing(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, hive: bool) -> None:
    """Two accounts and two regions with sixty days each, one of which is selected: one request per level of folders and
    one for the days."""
    client = boto3.client("s3", endpoint_url=bucket.endpoint)
    for account in ACCOUNTS:
        for region in REGIONS:
            base = f"AWSLogs/{account}/vpcflowlogs/{region}/"
            if hive:
                base = f"AWSLogs/aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/"
            for n in range(60):
                at = datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=n)
                day = f"{at:year=%Y/month=%m/day=%d}" if hive else f"{at:%Y/%m/%d}"
                name = f"{account}_vpcflowlogs_{region}_fl-1_{at:%Y%m%dT%H%MZ}_a.log.gz"
                client.put_object(Bucket=bucket.name, Key=f"{base}{day}/{name}", Body=b"")
    asked: list[str] = []
    real = s3.list_page

    def counted(name: str, prefix: str, **more: object) -> s3.Page:
        asked.append(prefix)
        return real(name, prefix, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(s3, "list_page", counted)
    start = datetime(2026, 11, 10, tzinfo=UTC)
    selection = Selection(start, start + timedelta(hours=1), frozenset(ACCOUNTS[:1]), late=timedelta(0))
    found = list(select.objects(bucket.name, "", selection, ObjectKind.FLOW_LOG))
    assert [ref.key.count("20261110T0000Z") for ref in found] == [1, 1]
    assert len(asked) == 1 + 1 + 1 + 1 + 2 + 2  # root, AWSLogs, account, service, years of the regions, their days
    assert not any(ACCOUNTS[1] in prefix for prefix in asked)
    asked.clear()
    list(select.objects(bucket.name, f"AWSLogs/{ACCOUNTS[0]}/", selection, ObjectKind.FLOW_LOG))
    policy = json.loads((ROOT / "deploy" / "aws" / "reader-policy.json").read_text("utf-8"))
    [allowed] = policy["Statement"][0]["Condition"]["StringLike"]["s3:prefix"]
    assert asked
    assert all(fnmatch.fnmatchcase(prefix, allowed.replace("ACCOUNT", ACCOUNTS[0])) for prefix in asked)


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("snapshots", "start", "end"),
    [
        ([], NOON - DAY, None),
        ([[NOON + 3 * DAY, NOON + 9 * DAY]], NOON - DAY, NOON + 3 * DAY),
        ([[NOON - 9 * DAY, NOON - 3 * DAY]], NOON - 3 * DAY, NOON + HOUR),
        ([[NOON - HOUR, NOON + 3 * DAY]], NOON - DAY, NOON + HOUR),
        ([[NOON + HOUR / 2]], NOON - DAY, NOON + HOUR),
        ([[NOON - 3 * DAY], [NOON + 3 * DAY]], NOON - 3 * DAY, NOON + 3 * DAY),
    ],
)
def test_changes_are_selected_as_far_as_the_configuration_depends_on_them(
    snapshots: list[list[datetime]], start: datetime, end: datetime | None
) -> None:
    chosen = Selection(NOON, NOON + HOUR, frozenset(ACCOUNTS), late=HOUR)
    assert for_changes(chosen, snapshots) == Selection(start, end, frozenset(ACCOUNTS), late=HOUR)


def test_without_a_range_every_change_is_selected() -> None:
    assert for_changes(Selection(accounts=frozenset(ACCOUNTS)), [[NOON]]) == Selection(accounts=frozenset(ACCOUNTS))
    assert for_changes(Selection(end=NOON), []) == Selection()
    assert for_changes(Selection(start=NOON), []) == Selection(NOON - DAY)
