"""Pages with a form: search, explain, preview, changes, SQL. All that was chosen stands in the address."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from console.answers import changes as changed
from console.answers import explain as explained
from console.answers import preview as previewed
from console.answers import search as searched
from console.answers.fields import Field
from console.answers.question import question, where
from console.answers.spreadsheet import write_csv
from console.answers.sql import run_sql
from console.web import forms
from console.web.pages import html, store_of
from console.web.questions import QUESTIONS
from schemas.errors import FlowtrailError
from schemas.protocols import protocol_number

DAY = timedelta(hours=24)
MOST_ROWS = 1_000


def _answered(make: Callable[[], Any]) -> tuple[Any, FlowtrailError | None]:
    """The answer, or what is wrong with what was typed: the form stays as it was."""
    try:
        return make(), None
    except FlowtrailError as error:
        return None, error


def search(request: Request) -> Response:
    """Flow records that match."""
    store, query = store_of(request), request.query_params
    top = forms.text(query, "top")

    def make() -> Any:
        filters = _filters(query)
        if top and top not in {*Field}:
            raise FlowtrailError(f"{top!r} is not a field.", f"Choose one of {', '.join(Field)}.")
        return searched.top(store, filters, Field(top)) if top else searched.search(store, filters)

    answer, error = _answered(make)
    if forms.text(query, "format") == "csv" and answer is not None and not top:
        return _csv(searched.COLUMNS, answer.flows, "flow-records.csv")
    return html(request, "search", answer=answer, error=error, top=top, fields=list(Field))


def _filters(query: Mapping[str, str]) -> searched.Filters:
    start, end = forms.span(query)
    names = ("action", "peer", "addr", "src", "dst", "eni", "instance", "name", "subnet", "vpc", "direction")
    return searched.Filters(
        **{name: forms.text(query, name) for name in names},
        port=forms.number(query, "port", 0, 65_535),
        protocol=protocol_number(forms.text(query, "protocol")),
        start=start,
        end=end,
        limit=forms.number(query, "limit", 1, MOST_ROWS) or searched.RECORDS,
    )


def explain(request: Request) -> Response:
    """Whether one end reaches another."""
    store, query = store_of(request), request.query_params

    def make() -> Any:
        asked = question(
            where(forms.text(query, "src")),
            where(forms.text(query, "dst")),
            forms.text(query, "protocol") or "tcp",
            forms.number(query, "port", 0, 65_535),
        )
        return explained.explain(store, asked, forms.moment(query, "at"), datetime.now(UTC), DAY)

    answer, error = _answered(make) if forms.text(query, "src") or forms.text(query, "dst") else (None, None)
    return html(request, "explain", answer=answer, error=error)


def preview(request: Request) -> Response:
    """What a command would cut off or open."""
    store, query, command = store_of(request), request.query_params, forms.text(request.query_params, "command")

    def make() -> Any:
        try:
            words = shlex.split(command)
        except ValueError as wrong:
            raise FlowtrailError(f"This cannot be read as a command: {wrong}.", "Check the quotes.") from None
        at = forms.moment(query, "at") or datetime.now(UTC).replace(microsecond=0)
        return previewed.preview(store, words, DAY, at)

    answer, error = _answered(make) if command else (None, None)
    return html(request, "preview", answer=answer, error=error)


def changes(request: Request) -> Response:
    """Who changed what."""
    store, query = store_of(request), request.query_params

    def make() -> Any:
        start, end = forms.span(query)
        vpc, resource, actor = (forms.text(query, name) for name in ("vpc", "resource", "actor"))
        return changed.changes(store, changed.Filters(vpc, resource, actor, start, end))

    answer, error = _answered(make)
    days: dict[str, list[Any]] = {}
    for each in answer.changes if answer else ():
        days.setdefault(f"{each.time:%Y-%m-%d}", []).append(each)
    return html(request, "changes", answer=answer, error=error, days=days)


def sql(request: Request) -> Response:
    """One read-only statement."""
    store, query = store_of(request), request.query_params
    statement = forms.text(query, "statement")
    answer, error = _answered(lambda: run_sql(store, statement, MOST_ROWS)) if statement else (None, None)
    if forms.text(query, "format") == "csv" and answer is not None:
        return _csv(answer.columns, answer.to_json(), "answer.csv")
    return html(request, "sql", answer=answer, error=error, questions=QUESTIONS)


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], name: str) -> Response:
    text = StringIO()
    write_csv(text, columns, rows)
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(text.getvalue(), media_type="text/csv", headers=headers)
