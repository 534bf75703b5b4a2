"""Every setting, each also a `FLOWTRAIL_*` variable. Options override variables, and variables override defaults."""

import difflib
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connectors.aws.access import Access
from schemas.errors import FlowtrailError
from schemas.ledger import LEASE
from schemas.times import TIME_BOUND, WAIT, parse_duration

PREFIX = "FLOWTRAIL_"
SHORTEST, LONGEST = timedelta(days=1), timedelta(days=14_600)

READ_ELSEWHERE: Mapping[str, str] = {
    "FLOWTRAIL_PASSWORD": "password of the ClickHouse user; read when connecting, never stored",
    "FLOWTRAIL_PASSWORD_FILE": "file that contains that password; overrides FLOWTRAIL_PASSWORD",
    "FLOWTRAIL_CONSOLE_TOKEN": "token that whoever opens the console must have; none if unset",
    "FLOWTRAIL_WEBHOOK_SECRET": "key with which notifications to webhooks are signed; unsigned if unset",
    "FLOWTRAIL_DEBUG": "when set, an unexpected error is shown with its traceback",
    "FLOWTRAIL_FAILPOINT": "for tests: the failpoint that ends the process, e.g. `after-begin`; no effect if unset",
}
"""Variables that are not settings: secrets are never part of an object that is pickled or printed."""

AWS_VARIABLES: Mapping[str, str] = {
    "AWS_PROFILE": "profile from the shared AWS configuration files",
    "AWS_REGION, AWS_DEFAULT_REGION": "region",
    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN": "credentials, if no role or profile provides them",
    "AWS_ENDPOINT_URL": "custom endpoint for S3 and EC2",
    "AWS_CA_BUNDLE": "CA certificates to trust",
}
"""AWS's own variables. boto3's whole default credential chain applies; these are the most common ones."""


def _log_format(text: object) -> object:
    """AWS field names separated by spaces or commas; the AWS form `${field}` is accepted too."""
    if not isinstance(text, str):
        return text
    return tuple(re.sub(r"^\$\{(.*)\}$", r"\1", name) for name in re.split(r"[\s,]+", text.strip()) if name)


def _words(text: object) -> object:
    return tuple(text.split()) if isinstance(text, str) else text


def _duration(text: object) -> object:
    try:
        return parse_duration(text) if isinstance(text, str) else text
    except FlowtrailError as error:
        raise ValueError(error.message) from None


def _retention(text: object) -> object:
    """None keeps records forever. The minimum is one day, because a slip such as 90m for three months would delete
    everything. The maximum exists because times in the store end in 2106, also after adding the retention."""
    if not isinstance(text, str):
        return text
    if text.strip() == "none":
        return None
    length = _duration(text)
    if not isinstance(length, timedelta) or not SHORTEST <= length <= LONGEST:
        raise ValueError("too short or too long")
    return length


def _time_bound(text: object) -> object:
    """At least a day: what is delivered late is data too, and a slip such as 7m for 7d would reject all of it."""
    length = _duration(text)
    if isinstance(length, timedelta) and length < SHORTEST:
        raise ValueError("too short")
    return length


def _database(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name):
        raise ValueError("not a name")
    return name


def _db(db: str) -> str:
    """A folder, whose tilde no shell has expanded, or a server's URL without a password in it."""
    if "://" in db:
        url = urlsplit(db)
        if url.scheme not in ("http", "https") or not url.hostname or url.password:
            raise ValueError("neither a folder nor a valid URL")
        return db
    return os.path.expanduser(db)  # noqa: PTH111 - a Path would drop the "./" that messages show


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.password):
        raise ValueError("not a valid URL")
    return url


def _region(name: str) -> str:
    if name and not re.fullmatch(r"[a-z]{2,}(-[a-z0-9]+)+", name):
        raise ValueError("not a region")
    return name


def _accepts(words: str) -> dict[str, Any]:
    """What the remedy for a bad value says."""
    return {"accepts": words}


class Settings(BaseSettings):
    """Create with `load`. Frozen. Sizes are in bytes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    db: Annotated[str, AfterValidator(_db)] = Field(
        "./flowtrail.db",
        description="where the data is stored: a folder for the embedded engine, or the URL of a ClickHouse server",
        json_schema_extra=_accepts("a folder, or http(s)://user@host:port[/database] without a password"),
    )
    database: Annotated[str, AfterValidator(_database)] = Field(
        "flowtrail",
        description="name of the database; one in the server's URL overrides it",
        json_schema_extra=_accepts("letters, digits and underscores, not starting with a digit"),
    )
    log_format: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_log_format)] = Field(
        (),
        description="fields, in order, of flow log objects without a header line",
        json_schema_extra=_accepts("AWS field names separated by spaces, such as 'version account-id interface-id'"),
    )
    load_objects: PositiveInt = Field(
        2_000,
        description="maximum number of objects that are written together",
        json_schema_extra=_accepts("a whole number above 0"),
    )
    load_bytes: PositiveInt = Field(
        16 << 20,
        description="maximum size in bytes, as stored, of what is written together; a larger object is written alone",
        json_schema_extra=_accepts("a whole number of bytes above 0"),
    )
    lookback: Annotated[timedelta, BeforeValidator(_duration)] = Field(
        timedelta(hours=24),
        description="how far before its time range `correlate` looks for normal traffic and for changes",
        json_schema_extra=_accepts("a duration such as 90s, 1h30m, 24h or 7d"),
    )
    margin: Annotated[timedelta, BeforeValidator(_duration)] = Field(
        timedelta(hours=24),
        description="how much later than its records an object may be dated in its key for `ingest --to` to find it",
        json_schema_extra=_accepts("a duration such as 90s, 1h30m, 24h or 7d"),
    )
    retention: Annotated[timedelta | None, BeforeValidator(_retention)] = Field(
        None,
        description="how long flow log records are kept after their start; commands that write set the tables' TTL to"
        " it, so use the same value for all of them",
        json_schema_extra=_accepts("a duration from 1d to 14600d, such as 90d, or none to keep them forever"),
    )
    lease: Annotated[timedelta, BeforeValidator(_duration)] = Field(
        LEASE,
        description="on a server, how long a process that is loading objects may be silent before others take over",
        json_schema_extra=_accepts("a duration such as 90s, 1h30m, 24h or 7d"),
    )
    wait: Annotated[timedelta, BeforeValidator(_duration)] = Field(
        WAIT,
        description="how long a command waits for an embedded database that another process uses",
        json_schema_extra=_accepts("a duration such as 1s, 10s or 5m"),
    )
    time_bound: Annotated[timedelta, BeforeValidator(_time_bound)] = Field(
        TIME_BOUND,
        description="how far from the time in its object's name a record may be; one further away is rejected as"
        " time-out-of-range. AWS's latest deliveries, after an outage, are a few days late",
        json_schema_extra=_accepts("a duration of at least 1d, such as 7d or 4000d"),
    )
    profile: str = Field(
        "",
        description="profile from the shared AWS configuration files; overrides AWS_PROFILE and access keys in"
        " variables",
        json_schema_extra=_accepts("a name that `aws configure list-profiles` shows"),
    )
    aws_region: Annotated[str, AfterValidator(_region)] = Field(
        "",
        description="AWS region to use; overrides AWS_REGION",
        json_schema_extra=_accepts("a region such as eu-central-1"),
    )
    endpoint_url: Annotated[str, AfterValidator(_endpoint)] = Field(
        "",
        description="custom endpoint for S3 and EC2; overrides AWS_ENDPOINT_URL",
        json_schema_extra=_accepts("http(s)://host[:port]"),
    )
    no_sign_request: bool = Field(
        False,
        description="read S3 without credentials, for public buckets",
        json_schema_extra=_accepts("true or false"),
    )
    requester_pays: bool = Field(
        False,
        description="accept the charges of Requester Pays buckets",
        json_schema_extra=_accepts("true or false"),
    )
    notify: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        ("stdout",),
        description="where `watch` tells of incidents: one or more channels",
        json_schema_extra=_accepts(
            "stdout, https://... (a webhook), arn:aws:sns:REGION:ACCOUNT:TOPIC and URLs of Apprise, separated by spaces"
        ),
    )
    output: Literal["table", "json", "csv"] = Field(
        "table",
        description="output format of commands",
        json_schema_extra=_accepts("table, json or csv"),
    )

    @property
    def access(self) -> Access:
        """How to access AWS."""
        return Access(self.profile, self.aws_region, self.endpoint_url, self.no_sign_request, self.requester_pays)


def load(**given: Any) -> Settings:
    """Settings from the variables, overridden by `given` values that are not None. Raises FlowtrailError naming the
    option or variable with a bad value and what it accepts."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        bad = re.sub(r"://[^/]*@", "://...@", str(first["input"]))  # it may contain a password
        source = f"--{name.replace('_', '-')}" if given.get(name) is not None else f"{PREFIX}{name.upper()}"
        raise FlowtrailError(f"{source} cannot be {bad!r}.", f"Set it to {accepts(name)}, or leave it out.") from None


def accepts(name: str) -> str:
    """The values that the setting accepts, in words."""
    extra = Settings.model_fields[name].json_schema_extra
    return str(extra["accepts"]) if isinstance(extra, dict) else ""


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Unknown variables with our prefix, each with the closest known one ('' if there is none)."""
    known = [PREFIX + name.upper() for name in Settings.model_fields] + list(READ_ELSEWHERE)
    unknown = [name for name in sorted(environment) if name.startswith(PREFIX) and name not in known]
    return {name: next(iter(difflib.get_close_matches(name, known, 1, 0.8)), "") for name in unknown}
