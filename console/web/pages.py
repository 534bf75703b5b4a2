"""Pages without a form: the state of things, an incident, a resource, the network."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from connectors.store.clickhouse import Store
from console.answers import config, network
from console.answers.changes import Change, Filters, changes
from console.answers.examined import examined_ranges
from console.answers.incidents import incident, incidents
from console.answers.traffic import traffic
from console.answers.trust import trust
from console.web import export, forms
from console.web.chart import chart
from console.web.render import page
from schemas.errors import FlowtrailError
from schemas.incident import State

TODAY = timedelta(hours=24)
"""Incidents that were closed so long before the newest record count as closed today."""
LATE = timedelta(minutes=30)
"""Flow records arrive five to fifteen minutes after the traffic: a newest record that is older is a bad sign."""
FORMS = ("json", "md", "html")
"""The forms in which an incident is exported."""
NEAR = timedelta(minutes=30)
"""Other changes are shown up to so long before and after the cause."""


def store_of(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def html(request: Request, name: str, **values: Any) -> HTMLResponse:
    path = request.url.path
    return HTMLResponse(page(name, path=path, query=dict(request.query_params), **values))


def now(request: Request) -> Response:
    """What is open, what was closed lately, and whether the data can be trusted."""
    store = store_of(request)
    data = trust(store)
    found = [] if data.pending else incidents(store)
    now_ = datetime.now(UTC)
    newest = data.newest or now_
    closed = [each for each in found if each.state is State.CLOSED]
    return html(
        request,
        "now",
        data=data,
        age=now_ - newest,
        late=now_ - newest > LATE,
        open=[each for each in reversed(found) if each.state is State.OPEN],
        lately=[each for each in reversed(closed) if each.last_sign >= newest - TODAY],
        earlier=[each for each in reversed(closed) if each.last_sign < newest - TODAY],
        examined=examined_ranges(store) if not data.pending else "",
    )


def one_incident(request: Request) -> Response:
    """An incident in full."""
    store, told = store_of(request), incident(store_of(request), request.path_params["id"])
    found = told.now.incident
    seen = traffic(store, found)
    others: tuple[Change, ...] = ()
    if found.cause:
        around = Filters(start=found.cause.time - NEAR, end=found.cause.time + NEAR)
        others = tuple(each for each in changes(store, around).changes if each.event_id not in found.cause.event_ids)
    just_before = found.cause.time - timedelta(seconds=1) if found.cause else None
    before = None
    if found.cause and found.cause.resource and just_before:
        before = _difference(store, found.cause.resource, just_before, found.cause.time)
    return html(
        request,
        "incident",
        told=told,
        found=found,
        traffic=seen,
        chart=chart(seen, found),
        others=others,
        before=before,
        just_before=just_before,
    )


def _difference(store: Store, resource: str, start: datetime, end: datetime) -> config.Difference | None:
    try:
        return config.diff(store, resource, start, end)
    except FlowtrailError:  # the cause may be in a resource that the model does not contain
        return None


def exported(request: Request) -> Response:
    """An incident as a file for a ticket."""
    store, form = store_of(request), request.path_params["form"]
    if form not in FORMS:
        raise HTTPException(404)
    told = incident(store, request.path_params["id"])
    name = f"incident-{told.now.incident.id}.{form}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    if form == "json":
        return Response(export.as_json(told), media_type="application/json", headers=headers)
    if form == "md":
        return PlainTextResponse(export.as_markdown(told), media_type="text/markdown", headers=headers)
    return HTMLResponse(export.as_html(told, traffic(store, told.now.incident)), headers=headers)


def resource(request: Request) -> Response:
    """What a resource was, or how it differs between two times."""
    store, query, name = store_of(request), request.query_params, request.path_params["id"]
    start, end = forms.moment(query, "from"), forms.moment(query, "to") or datetime.now(UTC).replace(microsecond=0)
    at = forms.moment(query, "at") or end
    different = config.diff(store, name, start, end) if start else None
    return html(request, "resource", shown=config.show(store, name, at), different=different)


def whole_network(request: Request) -> Response:
    """Subnets, route tables, network ACLs and security groups at a time, and what changed since another."""
    query = request.query_params
    at = forms.moment(query, "at") or datetime.now(UTC).replace(microsecond=0)
    since = forms.moment(query, "since")
    return html(request, "network", found=network.network(store_of(request), at, since))


def healthy(request: Request) -> Response:
    """That the process answers; the store is not asked."""
    return JSONResponse({"alive": True})
