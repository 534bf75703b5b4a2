"""The reading commands on a real store: what they find, how they show it, what they reject."""

import csv
import io
import ipaddress
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.app import app
from connectors.store.clickhouse import Store, insert
from console.answers.fields import Field
from console.answers.search import Filters, search
from console.terminal.screen import Screen
from console.terminal.search import show
from schemas.flow import COVERAGE, FLOWS, REJECTED_LINES
from schemas.ledger import RECEIPTS
from schemas.table import Table
from schemas.tgw import TGW_COVERAGE, TGW_FLOWS

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = "AWSLogs/1/vpcflowlogs/eu-central-1/2026/11/20/a.log.gz"

Run = Callable[..., Result]


def packed(address: str) -> bytes:
    ip = ipaddress.ip_address(address)
    return ip.packed if ip.version == 6 else ipaddress.IPv6Address(f"::ffff:{address}").packed


def rows(table: Table, *given: Mapping[str, Any]) -> pa.Table:
    """Rows of `table`; columns that are not given have the type's empty value."""
    nothing = {pa.types.is_string: "", pa.types.is_dictionary: "", pa.types.is_map: [], pa.types.is_list: []}

    def empty(kind: pa.DataType) -> Any:
        return next((value for test, value in nothing.items() if test(kind)), 0)

    filled = [
        {c.name: one.get(c.name, None if c.nulls.startswith("NULL") else empty(c.arrow)) for c in table.columns}
        for one in given
    ]
    plain = [
        pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type, f.nullable) for f in table.schema
    ]
    return pa.Table.from_pylist(filled, schema=pa.schema(plain))


def flow(minute: int, source: tuple[str, int], to: tuple[str, int], action: str, **more: Any) -> dict[str, Any]:
    (src, sport), (dst, dport) = source, to
    start = NOON + timedelta(minutes=minute)
    return {
        "start": start,
        "end": start + timedelta(seconds=50),
        "srcaddr": packed(src),
        "srcport": sport,
        "dstaddr": packed(dst),
        "dstport": dport,
        "protocol": 6,
        "packets": 3,
        "bytes": 180,
        "action": action,
        "interface_id": "eni-0a",
        "object_id": 7,
        "row_no": minute + 2,
        "direction": "ingress",
        "instance_name": "web",
        "network_acl_id": "acl-0",
        **more,
    }


@pytest.fixture
def facts(store: Store) -> Store:
    client = store.client()
    insert(
        client,
        FLOWS,
        rows(
            FLOWS,
            flow(0, ("198.51.100.7", 40000), ("10.0.1.10", 22), "ACCEPT"),
            flow(5, ("198.51.100.7", 40001), ("10.0.1.10", 22), "REJECT"),
            flow(6, ("203.0.113.9", 22), ("10.0.1.10", 80), "REJECT"),
            flow(
                7,
                ("2001:db8::5", 40002),
                ("2001:db8:1::10", 443),
                "ACCEPT",
                interface_id="eni-0b",
                direction="",
                network_acl_id="",
            ),
            flow(8, ("10.0.1.10", 40003), ("198.51.100.99", 53), "ACCEPT", protocol=17, direction="egress"),
        ),
    )
    insert(
        client,
        COVERAGE,
        rows(
            COVERAGE,
            {"interface_id": "eni-0a", "start": NOON, "end": NOON + timedelta(minutes=1), "log_status": "SKIPDATA"},
            {"interface_id": "eni-0b", "start": NOON, "end": NOON + timedelta(minutes=1), "log_status": "NODATA"},
        ),
    )
    insert(client, REJECTED_LINES, rows(REJECTED_LINES, {"reason": "token-count", "raw": "\x1b[2J x", "object_id": 7}))
    insert(
        client,
        RECEIPTS,
        rows(
            RECEIPTS,
            {
                "object_id": 7,
                "bucket": "logs",
                "key": KEY,
                "etag": "e",
                "kind": "flow-log",
                "rows_read": 9,
                "rows_written": 7,
                "rows_rejected": 1,
                "rows_skipped": 1,
                "first_time": NOON,
                "last_time": NOON + timedelta(minutes=8),
                "at": NOON,
            },
        ),
    )
    return store


@pytest.fixture
def run(facts: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, on the test's facts."""
    return _runner(facts, monkeypatch)


def _runner(store: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FLOWTRAIL_DATABASE", store.database)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--db", store.db, *arguments], prog_name="flowtrail")

    return call


def found(result: Result) -> list[tuple[str, int]]:
    """(action, line) of each record of a search."""
    assert result.exit_code == 0, result.stderr
    return [(row["action"], row["line"]) for row in json.loads(result.stdout)["flows"]]


@pytest.mark.parametrize(
    ("filters", "lines"),
    [
        ([], [10, 9, 8, 7, 2]),
        (["--action", "reject"], [8, 7]),
        (["--port", "22"], [8, 7, 2]),
        (["--action", "reject", "--port", "22", "--peer", "198.51.100.0/24"], [7]),
        (["--peer", "198.51.100.0/24"], [10, 7, 2]),
        (["--peer", "10.0.1.10"], []),
        (["--addr", "10.0.1.10"], [10, 8, 7, 2]),
        (["--peer", "2001:db8::/32"], [9]),
        (["--peer", "2001:db8:1::10"], [9]),
        (["--eni", "eni-0b"], [9]),
        (["--protocol", "udp"], [10]),
        (["--from", "2026-11-20T12:06:00Z", "--to", "2026-11-20T13:07:00+01:00"], [8]),
        (["--limit", "2"], [10, 9]),
    ],
)
def test_search_finds_matching_records_newest_first(run: Run, filters: list[str], lines: list[int]) -> None:
    assert [line for _, line in found(run("search", *filters, "--output", "json"))] == lines


def behind_nat(store: Store) -> None:
    """What a NAT gateway logs of one talk with 203.0.113.5, and a reject on another day; then records of two VPCs."""
    app_end, nat, them = ("10.0.2.10", 40000), ("10.0.1.5", 0), packed("203.0.113.5")
    gateway = {"interface_id": "eni-0e", "instance_name": "", "object_id": 7}
    inside = {"subnet_id": "subnet-1", "vpc_id": "vpc-1", "instance_id": "i-1", "instance_name": "web_1"}
    insert(
        store.client(),
        FLOWS,
        rows(
            FLOWS,
            flow(20, app_end, (nat[0], 443), "ACCEPT", **gateway, pkt_srcaddr=packed(app_end[0]), pkt_dstaddr=them),
            flow(21, (nat[0], 443), app_end, "ACCEPT", **gateway, direction="egress", pkt_srcaddr=them),
            flow(22, ("203.0.113.5", 443), app_end, "REJECT", **inside, reject_reason="BPA", pkt_srcaddr=them),
            flow(
                23, app_end, ("203.0.113.6", 443), "REJECT", direction="egress", **{**inside, "instance_name": "webx1"}
            ),
        ),
    )


@pytest.fixture
def nat(facts: Store, run: Run) -> Run:
    behind_nat(facts)
    return run


def test_search_finds_packet_level_addresses_and_filters_by_every_field(nat: Run) -> None:
    cases: dict[str, list[int]] = {
        "--addr 203.0.113.5": [24, 23, 22],
        "--addr 203.0.113.4/30": [25, 24, 23, 22],
        "--src 203.0.113.5": [24, 23],
        "--dst 203.0.113.5": [22],
        "--dst 203.0.113.0/24": [25, 22],
        "--src 10.0.2.10": [25, 22],
        "--peer 203.0.113.5": [24],
        "--peer 10.0.2.10": [23, 22],
        "--addr 203.0.113.5 --direction egress": [23],
        "--direction INGRESS --port 443 --eni eni-0e": [22],
        "--instance i-1": [25, 24],
        "--name web_1": [24],
        "--name web*1": [25, 24],
        "--name web_*": [24],
        "--name %": [],
        "--vpc vpc-1 --direction ingress": [24],
        "--subnet subnet-1 --since 2026-11-20T12:23Z": [25],
        "--subnet subnet-2": [],
        "--since 1795177380": [25],
    }
    for words, lines in cases.items():
        assert [line for _, line in found(nat("search", *words.split(), "-o", "json"))] == lines, words


def test_records_are_counted_by_each_field(nat: Run) -> None:
    def top(*words: str) -> Any:
        result = nat("search", "--top", *words, "-o", "json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    sources = top("src", "--action", "reject", "--limit", "2")
    assert sources["field"] == "src"
    assert sources["values"] == [
        {"value": each, "records": 1, "packets": 3, "bytes": 180} for each in ("10.0.2.10", "198.51.100.7")
    ]
    assert sources["more"] is True
    assert sources["coverage"]["skipdata"] == 1
    assert [(v["value"], v["records"], v["bytes"]) for v in top("protocol")["values"]] == [(6, 8, 1440), (17, 1, 180)]
    assert [v["value"] for v in top("peer", "--eni", "eni-0b")["values"]] == [None]
    assert sum(v["records"] for v in top("pkt-src")["values"]) == 9
    for field in Field:
        assert sum(v["records"] for v in top(field.value, "--limit", "20")["values"]) == 9, field
    text = nat("search", "--top", "reason", "--action", "reject").stdout.splitlines()
    assert [line.split() for line in text[:3]] == [
        ["reason", "records", "packets", "bytes"],
        ["-", "3", "9", "540"],
        ["BPA", "1", "3", "180"],
    ]
    assert "2 values." in text
    table = nat("search", "--top", "protocol", "-o", "csv")
    assert table.stdout.splitlines() == ["value,records,packets,bytes", "6,8,24,1440", "17,1,3,180"]
    assert "2 values." in table.stderr
    assert "'srcaddr; DROP' is not one of" in nat("search", "--top", "srcaddr; DROP").stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_record_is_one_line_on_a_terminal_and_a_reject_is_coloured_only_there(
    nat: Run, facts: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    answer = search(facts, Filters(start=NOON + timedelta(minutes=20)))

    def shown(width: int, *, terminal: bool = True) -> list[str]:
        out = Terminal() if terminal else io.StringIO()
        show(answer, Screen(out, width))
        return out.getvalue().splitlines()

    plain = shown(80, terminal=False)
    assert plain[:5] == [
        "2026-11-20  action  reason  from             to               packet level",
        "12:23:00Z   REJECT          10.0.2.10:40000  203.0.113.6:443",
        "12:22:00Z   REJECT  BPA     203.0.113.5:443  10.0.2.10:40000",
        "12:21:00Z   ACCEPT          10.0.1.5:443     10.0.2.10:40000  from 203.0.113.5",
        "12:20:00Z   ACCEPT          10.0.2.10:40000  10.0.1.5:443     to 203.0.113.5",
    ]
    assert "Too narrow for proto, packets, bytes, interface, line: use a wider terminal, or --output json." in plain
    assert "\x1b[31mREJECT\x1b[0m" in shown(80)[1]
    assert [line for line in shown(80) if "ACCEPT" in line and "\x1b[31m" in line] == []
    wide = nat("search").stdout
    assert "\x1b" not in wide
    assert "time (local)" in wide.splitlines()[0]


def test_search_says_where_each_record_was_read_and_how_complete_the_answer_is(run: Run) -> None:
    answer = json.loads(run("search", "--action", "reject", "--port", "22", "--limit", "1", "-o", "json").stdout)
    assert answer["more"] is True
    first = answer["flows"][0]
    assert (first["bucket"], first["key"], first["etag"], first["line"]) == ("logs", KEY, "e", 8)
    assert (first["start"], first["srcaddr"], first["srcport"]) == ("2026-11-20T12:06:00Z", "203.0.113.9", 22)
    assert answer["coverage"]["skipdata"] == 1
    assert answer["coverage"]["nodata"] == 1
    assert answer["coverage"]["rejected_lines"] == 1
    assert answer["coverage"]["store_first"] == "2026-11-20T12:00:00Z"


def test_search_for_people_has_both_times_the_ends_and_the_object(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = run("search", "--action", "reject", "--peer", "198.51.100.7").stdout
    line = next(line for line in text.splitlines() if "REJECT" in line)
    moment = NOON + timedelta(minutes=5)
    for part in ("2026-11-20 12:05:00Z", moment.astimezone().isoformat(sep=" "), "198.51.100.7:40001", "10.0.1.10:22"):
        assert part in line
    for part in ("tcp", "eni-0a web", "1:7"):
        assert part in line
    assert f"1  s3://logs/{KEY}" in text
    assert "AWS dropped records (SKIPDATA) in 1 intervals of eni-0a." in text
    assert "1 lines of objects in the range could not be read" in text


def test_search_says_when_the_store_holds_nothing_of_the_range(run: Run) -> None:
    text = run("search", "--from", "2026-11-21T00:00:00Z").stdout
    assert "No matching records." in text
    assert "The store has no flow records in the range." in text
    assert "span 2026-11-20 12:00:00Z to 2026-11-20 12:08:00Z" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "--from", "someday"], "'someday' is not a time. Write it as RFC 3339"),
        (["search", "--from", "1960-01-01"], "outside the years"),
        (["search", "--from", "2026-11-20", "--to", "2026-11-20"], "the range is empty"),
        (["search", "--peer", "10.0.0.0/33"], "neither an address nor a CIDR"),
        (["search", "--action", "drop"], "Use accept or reject"),
        (["search", "--port", "70000"], "65535"),
        (["search", "--eni", "web"], "Write it as eni-"),
        (["search", "--protocol", "tpc"], "IANA number"),
        (["search", "--output", "xml"], "xml"),
        (["search", "--since", "90"], "has no unit"),
        (["search", "--vpc", "web"], "Write it as vpc-"),
        (["search", "--direction", "in"], "Use ingress or egress"),
        (["search", "--top", "port"], "'port' is not one of"),
        (["ingest", "s3://b/", "--every", "14:00"], "'14:00' is a point in time, not a duration"),
        (["ingest", "s3://b/", "--for", "2 hours ago"], "is a point in time, not a duration"),
        (["ingest", "http://bucket/x"], "Write it as s3://"),
        (["ingest"], "Missing argument"),
        (["correlate"], "--from is missing"),
        (["correlate", "--from", "2026-11-20", "--to", "2026-11-19"], "the range is empty"),
        (["snapshot", "--as-of", "soon"], "is not a time"),
        (["incident"], "Missing argument"),
        (["undo"], "No such command"),
    ],
)
def test_an_invalid_command_line_is_a_usage_error(run: Run, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_sql_answers_in_plain_json(run: Run) -> None:
    result = run(
        "sql", "SELECT start, srcaddr, extra, NULL AS n FROM flows WHERE srcport = 40001; -- one", "-o", "json"
    )
    assert json.loads(result.stdout) == [
        {"start": "2026-11-20T12:05:00Z", "srcaddr": "198.51.100.7", "extra": {}, "n": None}
    ]
    assert json.loads(run("sql", "SELECT 1 FROM flows WHERE 0", "-o", "json").stdout) == []


def test_sql_for_a_person_is_a_table_and_hostile_text_is_harmless(run: Run) -> None:
    text = run("sql", "SELECT reason, raw FROM rejected_lines").stdout
    assert "token-count" in text
    assert r"\x1b[2J x" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("SHOW TABLES", "change_events"),
        ("DESCRIBE flows", "version"),
        ("EXISTS flows", 1),
        ("(SELECT 7)", 7),
        ("/* why */ ((with 8 AS x SELECT x))", 8),
    ],
)
def test_every_kind_of_reading_statement_is_answered(run: Run, statement: str, first: object) -> None:
    result = run("sql", statement, "-o", "json")
    assert result.exit_code == 0, result.stderr
    assert next(iter(json.loads(result.stdout)[0].values())) == first


def test_explain_is_answered(run: Run) -> None:
    assert "flows" in run("sql", "EXPLAIN SELECT * FROM flows").stdout


def test_sql_stops_at_the_limit_and_says_so(run: Run) -> None:
    result = run("sql", "SELECT number FROM numbers(100000)", "--limit", "3", "-o", "json")
    assert json.loads(result.stdout) == [{"number": 0}, {"number": 1}, {"number": 2}]
    assert "only the first 3 rows" in result.stderr
    assert json.loads(run("sql", "SELECT 1 AS one", "-o", "json").stdout) == [{"one": 1}]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE flows",
        "SELECT 1; DROP TABLE flows",
        "SELECT file('/etc/passwd')",
        "SELECT * FROM nowhere",
        "SELECT count() FROM flows SETTINGS readonly = 0",
        "SELECT 'a\\xff'",
        "WITH x AS (SELECT 1) INSERT INTO flows SELECT * FROM flows",
    ],
)
def test_sql_refuses_with_a_remedy_and_changes_nothing(run: Run, statement: str) -> None:
    result = run("sql", statement, "-o", "json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) >= 2
    assert json.loads(run("sql", "SELECT count() AS n FROM flows", "-o", "json").stdout) == [{"n": 5}]


@pytest.mark.parametrize("statement", ["INSERT INTO flows SELECT * FROM flows", "DROP TABLE flows", "SET readonly = 0"])
def test_without_the_guard_the_engine_itself_refuses(facts: Store, statement: str) -> None:
    with pytest.raises(Exception, match="readonly mode"):
        facts.reader().command(statement)


def test_status_counts_what_the_store_holds(run: Run) -> None:
    answer = json.loads(run("status", "-o", "json").stdout)
    assert answer["flow_log_objects"] == 1
    assert (answer["flows"], answer["flows_unenriched"]) == (5, 1)
    assert answer["rows_read"] == answer["rows_written"] + answer["rows_rejected"] + answer["rows_skipped"] == 9
    assert answer["pending_migrations"] == []
    assert (answer["flows_first"], answer["flows_last"]) == ("2026-11-20T12:00:00Z", "2026-11-20T12:08:50Z")
    text = run("status").stdout
    assert "1 without VPC metadata" in text
    assert "9 read = 7 written + 1 rejected + 1 skipped" in text
    assert "5, 2026-11-20 12:00:00Z" in text


def test_migrate_says_what_it_does(empty_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _runner(empty_store, monkeypatch)
    dry = json.loads(run("migrate", "--dry-run", "-o", "json").stdout)
    assert dry["dry_run"] is True
    done = json.loads(run("migrate", "-o", "json").stdout)
    assert done["applied"] == dry["applied"] != []
    assert "Nothing to do" in run("migrate").stdout


INGEST = "`flowtrail ingest s3://bucket/AWSLogs/`"


@pytest.mark.parametrize(
    "arguments", [["status"], ["search"], ["incidents"], ["incident", "x"], ["sql", "SELECT 1"]], ids=lambda a: a[0]
)
def test_reading_a_database_that_does_not_exist_says_to_ingest(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    result = _runner(empty_store, monkeypatch)(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert INGEST in result.stderr
    assert "flowtrail migrate" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status"], 0),
        (["search"], 1),
        (["incidents"], 1),
        (["incident", "x"], 1),
        (["sql", "SELECT count() FROM flows"], 1),
    ],
    ids=["status", "search", "incidents", "incident", "sql"],
)
def test_reading_a_database_without_tables_says_to_ingest(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    empty_store.server().command(f"CREATE DATABASE IF NOT EXISTS {empty_store.database}")
    result = _runner(empty_store, monkeypatch)(*arguments)
    assert result.exit_code == code
    assert INGEST in result.output
    assert "flowtrail migrate" not in result.output


@pytest.mark.parametrize(
    ("arguments", "code"), [(["status"], 0), (["search"], 0), (["incidents"], 0), (["incident", "x"], 1)]
)
def test_reading_a_database_without_records_says_to_ingest(
    store: Store, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    result = _runner(store, monkeypatch)(*arguments)
    assert result.exit_code == code
    assert INGEST in result.output
    assert "flowtrail migrate" not in result.output


def test_a_range_without_facts_is_rejected_and_the_stored_range_named(run: Run) -> None:
    result = run("correlate", "--from", "2026-12-01T00:00:00Z", "--to", "2026-12-02T00:00:00Z")
    assert result.exit_code == 1
    assert "no flow records between 2026-12-01T00:00:00Z and 2026-12-02T00:00:00Z" in result.stderr
    assert "from 2026-11-20T12:00:00Z to 2026-11-20T12:08:00Z" in result.stderr


def test_a_bad_variable_is_named_and_an_unknown_one_causes_a_warning(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWTRAIL_OUTPT", "json")
    assert "warning: FLOWTRAIL_OUTPT is an unknown setting; did you mean FLOWTRAIL_OUTPUT?" in run("status").stderr
    monkeypatch.setenv("FLOWTRAIL_OUTPUT", "xml")
    result = run("status")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-2:] == [
        "error: FLOWTRAIL_OUTPUT cannot be 'xml'.",
        "Set it to table, json or csv, or leave it out.",
    ]


def test_output_can_be_chosen_by_variable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWTRAIL_OUTPUT", "json")
    assert json.loads(run("sql", "SELECT 1 AS one").stdout) == [{"one": 1}]
    assert "one" in run("sql", "SELECT 1 AS one", "-o", "table").stdout.splitlines()[0]


def test_search_in_csv_is_the_records_and_the_rest_on_standard_error(run: Run) -> None:
    result = run("search", "--action", "reject", "--output", "csv")
    head, *lines = result.stdout.splitlines()
    records = [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]
    assert [(r["start"], r["srcaddr"], r["line"]) for r in records] == [
        ("2026-11-20T12:06:00Z", "203.0.113.9", "8"),
        ("2026-11-20T12:05:00Z", "198.51.100.7", "7"),
    ]
    assert "2 records." in result.stderr
    assert "SKIPDATA" in result.stderr
    none = run("search", "--port", "1", "--output", "csv")
    assert none.stdout.splitlines() == [head]


def test_csv_is_safe_to_open_in_a_spreadsheet(run: Run) -> None:
    statement = "SELECT '=1+1' AS a, '-x' AS b, -1 AS c, ' @x' AS d, 'a,b\n\x1b' AS e, NULL AS f, [1] AS g"
    assert run("sql", statement, "-o", "csv").stdout.splitlines() == [
        "a,b,c,d,e,f,g",
        "'=1+1,'-x,-1,' @x,\"a,b\\x0a\\x1b\",,[1]",
    ]
    assert run("sql", "SELECT action FROM flows WHERE 0", "-o", "csv").stdout == "action\n"


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["incidents"], ["migrate"], ["sql", "SHOW TABLES"], ["deadletters", "list"]],
    ids=lambda words: words[0],
)
def test_every_answer_is_available_as_csv(run: Run, arguments: list[str]) -> None:
    result = run(*arguments, "--output", "csv")
    assert result.exit_code == 0, result.stderr
    lines = list(csv.reader(result.stdout.splitlines()))
    assert lines[0]
    assert {len(line) for line in lines} == {len(lines[0])}


def quiet_hour(store: Store) -> None:
    """An interface with records for every minute except forty, and one with ten-minute intervals and no gaps."""
    minutes = [*range(60, 80), *range(120, 140)]
    spoken = [flow(n, ("198.51.100.7", 40000), ("10.0.1.10", 22), "ACCEPT", interface_id="eni-0c") for n in minutes]
    silent = {"log_status": "NODATA", "interface_id": "eni-0d"}
    slow = [
        {**silent, "start": NOON + timedelta(minutes=n), "end": NOON + timedelta(minutes=n + 10)}
        for n in (60, 80, 90, 110)
    ]
    insert(store.client(), FLOWS, rows(FLOWS, *spoken))
    insert(store.client(), COVERAGE, rows(COVERAGE, *slow))


def test_delivery_gaps_are_found_shown_and_bounded(run: Run, facts: Store) -> None:
    quiet_hour(facts)
    answer = json.loads(run("status", "-o", "json").stdout)
    gap = {
        "interface_id": "eni-0c",
        "start": "2026-11-20T13:19:50Z",
        "end": "2026-11-20T14:00:00Z",
        "seconds": 2410,
    }
    assert answer["gaps"] == [gap]
    assert answer["lag_seconds"] > 0
    assert answer["records_last"] == "2026-11-20T12:08:00Z"
    assert answer["loaded_last"] == "2026-11-20T12:00:00Z"
    text = run("status").stdout
    assert "eni-0c  2026-11-20 13:19:50Z to 2026-11-20 14:00:00Z  40 min" in text
    narrow = ["--from", "2026-11-20T13:00", "--to", "2026-11-20T13:30"]
    assert json.loads(run("status", *narrow, "-o", "json").stdout)["gaps"] == []
    assert "none from 2026-11-20 13:00:00Z to 2026-11-20 13:30:00Z" in run("status", *narrow).stdout
    found = json.loads(run("search", "--eni", "eni-0c", "-o", "json").stdout)
    assert found["coverage"]["gaps"] == [gap]
    assert "No records were delivered in 1 periods for eni-0c, the longest 40 min" in run("search").stdout
    assert "were delivered in" not in run("search", "--eni", "eni-0d").stdout


def test_a_range_of_too_many_records_is_not_searched_for_gaps_and_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.answers.coverage.AT_ONCE", 3)
    assert json.loads(run("search", "-o", "json").stdout)["coverage"]["gaps"] is None
    assert "The range has more than 3 records and was not searched for delivery gaps" in run("search").stdout
    assert json.loads(run("search", "--eni", "eni-0b", "-o", "json").stdout)["coverage"]["gaps"] == []


def test_what_is_not_loaded_yet_is_reported(run: Run) -> None:
    text = run("search", "--from", "2026-11-20T12:00", "--to", "2026-11-20T15:00").stdout
    assert "Nothing has been loaded yet for the time after 2026-11-20 12:08:00Z." in text
    assert "Nothing has been loaded yet" not in run("search").stdout


def test_transit_gateways_are_shown_separately_and_only_if_there_are_any(run: Run, facts: Store) -> None:
    before = json.loads(run("status", "-o", "json").stdout)
    assert before["tgw_flows"] == before["tgw_objects"] == 0
    assert "transit" not in run("status").stdout
    client = facts.client()
    passed = {"tgw_id": "tgw-1", "tgw_attachment_id": "tgw-attach-1", "object_id": 8, "packets": 5}
    at = [{"start": NOON + timedelta(hours=n), "end": NOON + timedelta(hours=n, minutes=1)} for n in (1, 2, 3)]
    insert(
        client,
        TGW_FLOWS,
        rows(
            TGW_FLOWS,
            {**passed, **at[0], "row_no": 2},
            {**passed, **at[1], "row_no": 3, "packets_lost_no_route": 7, "packets_lost_blackhole": 0},
            {**passed, **at[1], "row_no": 4, "tgw_id": "tgw-2", "packets_lost_no_route": 1},
        ),
    )
    insert(client, TGW_COVERAGE, rows(TGW_COVERAGE, {**passed, **at[2], "row_no": 5, "log_status": "NODATA"}))
    receipt = {"object_id": 8, "bucket": "logs", "key": "tgw", "kind": "flow-log", "load": 2, "rows_read": 4}
    times = {"first_time": at[0]["start"], "last_time": at[2]["end"], "at": NOON}
    insert(client, RECEIPTS, rows(RECEIPTS, {**receipt, **times, "rows_written": 4, "skipped_reasons": []}))
    answer = json.loads(run("status", "-o", "json").stdout)
    changed = {name: value for name, value in answer.items() if value != before[name] and name != "lag_seconds"}
    assert changed == {
        "rows_read": before["rows_read"] + 4,
        "rows_written": before["rows_written"] + 4,
        "tgw_objects": 1,
        "tgw_flows": 3,
        "tgw_gateways": 2,
        "tgw_first": "2026-11-20T13:00:00Z",
        "tgw_last": "2026-11-20T14:01:00Z",
        "tgw_nodata": 1,
        "packets_lost_no_route": 8,
    }
    text = run("status").stdout
    assert "1 of flow logs, 1 of transit gateways, " in text
    assert "3 flows of 2 transit gateways, 2026-11-20 13:00:00Z" in text
    assert "1 intervals without traffic, 0 with records AWS dropped" in text
    assert "packets lost there: 8 without a route\n" in text
