"""Proves: each page of the console answers what the command line answers; nothing from a log acts on it; nobody sees it
who should not."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

import httpx2
import pytest

from connectors.store.clickhouse import Store, command
from console.answers import trust as trusting
from console.answers.incidents import Told, incidents
from console.answers.search import Filters, search
from console.answers.traffic import traffic
from console.web.access import COOKIE, Access
from console.web.app import ROUTES
from console.web.export import as_html, as_markdown
from console.web.questions import QUESTIONS
from schemas.errors import FlowtrailError
from schemas.incident import Certainty, Incident, Said
from tests.e2e.web import served

Get = Callable[..., httpx2.Response]


@pytest.fixture(scope="module")
def get(told_store: Store) -> Iterator[Get]:
    with (
        served(told_store, Access()) as address,
        httpx2.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        yield client.get


@pytest.fixture(scope="module")
def empty(template: Store) -> Iterator[Get]:
    with served(template, Access()) as address, httpx2.Client(base_url=address, trust_env=False, timeout=60) as client:
        yield client.get


@pytest.fixture(scope="module")
def lost(told_store: Store) -> Incident:
    return next(each for each in incidents(told_store) if each.kind == "lost-traffic")


def test_now_shows_what_is_open(get: Get, told_store: Store) -> None:
    text = get("/").text
    assert "2 open incidents" in text
    for found in incidents(told_store):
        assert f'href="/incident/{found.id}"' in text
        assert found.cause
        assert found.cause.actor in text
    assert "no delivery gaps" in text


def test_an_incident_is_told_in_full(get: Get, lost: Incident) -> None:
    text = get(f"/incident/{lost.id}").text
    assert lost.cause
    assert lost.fix
    for part in (lost.cause.actor, lost.cause.event_name, lost.cause.event_ids[0], lost.evidence[0].key):
        assert part in text
    assert quote(lost.fix, safe=" /:.-").replace("%3E", "&gt;") in text or lost.fix in text
    assert text.count('<g class="bar"') > 50
    assert re.search(r'<g class="mark cause">', text)
    assert text.index('class="empty"') > text.index('class="data"')  # requests come in, and no data goes out


def test_what_is_not_proven_is_never_said_as_if_it_were(told_store: Store, lost: Incident) -> None:
    """The same incident, as suspected and as unexplained."""
    for certainty, cause in ((Certainty.SUSPECTED, lost.cause), (Certainty.UNEXPLAINED, None)):
        said = Told(Said(replace(lost, certainty=certainty, cause=cause), None))
        seen = traffic(told_store, lost)
        for text in (as_html(said, seen), as_markdown(said)):
            assert "It stopped" not in text
            assert "packets pass<" not in text
            assert "Undone" not in text
            assert str(certainty) in text
        assert ("was not proven to be the cause" in as_html(said, seen)) == (cause is not None)
    assert "It stopped" in as_html(Told(Said(lost, None)), traffic(told_store, lost))


def test_what_is_no_longer_found_accuses_nobody(told_store: Store, lost: Incident) -> None:
    """An incident that was proven once, and was withdrawn."""
    said = Told(Said(lost, None, withdrawn=True, replaced_by=("other-1",)))
    page, text = as_html(said, traffic(told_store, lost)), as_markdown(said)
    for shown in (page, text):
        assert "This incident is no longer found" in shown
        assert "other-1" in shown
        assert "It stopped" not in shown
        assert "packets pass<" not in shown
    assert '<span class="badge proven">' not in page


def test_what_was_not_searched_is_not_called_good(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 'class="good"><dt>Flow logs' in get("/").text
    monkeypatch.setattr(trusting, "AT_ONCE", 0)
    text = get("/").text
    assert 'class="unsure"><dt>Flow logs' in text
    assert "too many to search for delivery gaps" in text


@pytest.mark.parametrize("form", ["json", "md", "html"])
def test_an_incident_is_exported(get: Get, lost: Incident, form: str) -> None:
    answer = get(f"/incident/{lost.id}/export.{form}")
    assert f'filename="incident-{lost.id}.{form}"' in answer.headers["content-disposition"]
    assert lost.cause
    assert lost.cause.event_ids[0] in answer.text
    if form == "json":
        assert {**json.loads(answer.text), "history": []} | lost.to_json() == {**json.loads(answer.text), "history": []}
    if form == "html":
        assert "<script" not in answer.text
        assert not re.search(r'(src|href)="(?!#)', answer.text)


def test_search_finds_what_the_command_finds(get: Get, told_store: Store) -> None:
    rejected = search(told_store, Filters(action="reject", port=22)).flows
    text = get("/search", params={"action": "reject", "port": "22"}).text
    assert text.count('<tr class="reject">') == len(rejected) > 0
    rows = get("/search", params={"action": "reject", "port": "22", "format": "csv"}).text.splitlines()
    assert len(rows) == len(rejected) + 1
    assert "203.0.113" in get("/search", params={"top": "peer"}).text
    assert "nobody" in get("/search", params={"eni": "nobody"}).text  # as it was typed, with what is wrong
    assert "is not a network interface ID" in get("/search", params={"eni": "nobody"}).text


def test_explain_says_what_it_was_and_what_it_is(get: Get, lost: Incident) -> None:
    assert lost.cause
    asked = {"src": lost.peers[0], "dst": lost.enis[0], "port": "80", "at": "2026-11-20T14:00"}
    text = get("/explain", params=asked).text
    assert '<span class="badge reachable">' in text
    assert '<span class="badge partly">' in text
    assert lost.cause.event_ids[0] in text
    assert "The port is missing" in get("/explain", params={"src": "10.0.0.1", "dst": "10.0.0.2"}).text


def test_preview_runs_nothing(get: Get, lost: Incident) -> None:
    assert lost.fix
    text = get("/preview", params={"command": lost.fix, "at": "2026-11-20T15:45"}).text
    assert "CreateRoute" in text
    assert "conversations of the time since" in text
    assert "not an `aws ec2` command" in get("/preview", params={"command": "rm -rf /"}).text.replace("&#39;", "'")


def test_changes_and_network_of_a_time(get: Get, lost: Incident) -> None:
    assert lost.cause
    assert lost.cause.event_ids[0] in get("/changes", params={"actor": lost.cause.actor}).text
    assert "No matching changes" in get("/changes", params={"actor": "nobody"}).text
    text = get("/network", params={"since": "2026-11-20T13:00"}).text
    assert f"/network/{lost.cause.resource}?" in text
    one = get(f"/network/{lost.cause.resource}", params={"from": "2026-11-20T13:00"}).text
    assert "removed" in one
    assert lost.cause.event_name in one


def test_sql_reads_and_no_more(get: Get) -> None:
    assert ">3</td>" in get("/sql", params={"statement": "SELECT 1 + 2 AS sum"}).text
    refused = get("/sql", params={"statement": "DROP TABLE flows"})
    assert 'role="alert"' in refused.text
    formula = get("/sql", params={"statement": "SELECT '=1+2' AS x, 7 AS y", "format": "csv"}).text
    assert formula.splitlines() == ["x,y", "'=1+2,7"]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question[0])
def test_saved_questions_have_answers(get: Get, question: tuple[str, str]) -> None:
    text = get("/sql", params={"statement": question[1]}).text
    assert 'role="alert"' not in text


def test_what_is_not_there_says_what_to_do(get: Get) -> None:
    assert get("/incident/nothing").status_code == 404
    assert "flowtrail incidents" in get("/incident/nothing").text
    assert get("/nowhere").status_code == 404
    assert get("/static/app.py").status_code == 404
    assert get("/static/..%2fapp.py").status_code == 404


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("/", "No open incidents"),
        ("/", "flowtrail ingest s3://bucket/AWSLogs/"),
        ("/", "flowtrail snapshot"),
        ("/", "has not run yet"),
        ("/search", "No matching records"),
        ("/explain", "Fill in the sentence"),
        ("/explain?src=10.0.0.1&dst=10.0.0.2&port=22", "flowtrail snapshot"),
        ("/changes", "No matching changes"),
        ("/network", "flowtrail snapshot"),
        ("/sql", "Questions of the field"),
        ("/incident/x", "flowtrail correlate"),
    ],
)
def test_an_empty_store_says_what_to_do_next(empty: Get, page: str, says: str) -> None:
    assert says in empty(page).text


HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e{{7*7}}"


def test_text_from_logs_is_shown_and_never_acts(told_store: Store, get: Get) -> None:
    encoded = HOSTILE.encode().hex()
    command(
        told_store.client(),
        "INSERT INTO change_events (event_time, event_id, event_name, actor, resources, request, response,"
        " object_id, row_no, load, chunk)"
        f" SELECT toDateTime('2026-11-20 10:00:00', 'UTC'), 'h', 'DeleteRoute', unhex('{encoded}'),"
        " [], '{}', '{}', 1, 1, 0, 1",
    )
    for page in (
        "/changes",
        f"/changes?actor={quote(HOSTILE)}",
        f"/search?name={quote(HOSTILE)}",
        f"/{quote(HOSTILE)}",
    ):
        text = get(page).text
        assert "<script>alert" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "49" not in re.findall(r"\{\{7\*7\}\}|(?<=2J)49", text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[2J\\u202e{{7*7}}" in get("/changes").text


def test_every_answer_has_the_headers(get: Get) -> None:
    for page in ("/", "/static/style.css", "/nowhere", "/healthz"):
        headers = get(page).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert get("/", headers={"host": "evil.example"}).status_code == 421
    assert "script-src" in get("/", headers={"host": "evil.example"}).headers["content-security-policy"]
    assert get("/", headers={"origin": "https://evil.example"}).status_code == 403


def test_no_request_changes_anything(told_store: Store) -> None:
    assert not [route for route in ROUTES if getattr(route, "methods", {"GET"}) - {"GET", "HEAD"}]
    with served(told_store, Access()) as address:
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            assert httpx2.request(method, f"{address}/sql", trust_env=False).status_code == 405


def test_a_token_is_asked_for(told_store: Store) -> None:
    with (
        served(told_store, Access(token="secret")) as address,
        httpx2.Client(base_url=address, trust_env=False) as all_,
    ):
        assert all_.get("/").status_code == 401
        assert all_.get("/", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert all_.get("/", headers={"authorization": "Bearer secret"}).status_code == 200
        assert all_.get("/healthz").json() == {"alive": True}
        assert all_.get("/?token=wrong").status_code == 401
        entered = all_.get("/search?token=secret&port=22")
        assert (entered.status_code, entered.headers["location"]) == (303, "/search?port=22")
        assert "HttpOnly" in entered.headers["set-cookie"]
        assert all_.cookies.get(COOKIE) == "secret"
        assert all_.get("/").status_code == 200


def test_a_proxy_says_who_asks(told_store: Store) -> None:
    access = Access(("flowtrail.example.net",), identity="X-Forwarded-User")
    with served(told_store, access) as address:
        host = {"host": "flowtrail.example.net"}
        assert httpx2.get(address, headers=host, trust_env=False).status_code == 401
        assert httpx2.get(address, headers={**host, "x-forwarded-user": "ann"}, trust_env=False).status_code == 200


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::"])  # noqa: S104
def test_it_is_never_open_to_everybody(address: str) -> None:
    with pytest.raises(FlowtrailError, match="open to everybody"):
        Access().check(address)
    Access(token="x").check(address)
    Access().check("127.0.0.1")


def test_times_are_utc_and_can_be_read_by_a_script(get: Get) -> None:
    for text in re.findall(r'<time datetime="([^"]*)"', get("/").text):
        assert datetime.fromisoformat(text).tzinfo
