"""Every setting, each also a `FLOWTRAIL_*` variable. Options win over variables, variables over defaults."""

import difflib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connectors.access import Access
from schemas.errors import FlowtrailError
from schemas.times import parse_duration

PREFIX = "FLOWTRAIL_"
SHORTEST, LONGEST = timedelta(days=1), timedelta(days=14_600)

READ_ELSEWHERE: Mapping[str, str] = {
    "FLOWTRAIL_PASSWORD": "password of the ClickHouse server's user; read when connecting, kept nowhere",
    "FLOWTRAIL_PASSWORD_FILE": "a file that holds that password; wins over FLOWTRAIL_PASSWORD",
    "FLOWTRAIL_FAILPOINT": "for tests: where the process is to die, e.g. `after-begin`; without it nothing happens",
}
"""Variables that are no settings: secrets never travel in an object that is pickled or printed."""

AWS_VARIABLES: Mapping[str, str] = {
    "AWS_PROFILE": "profile of the shared configuration files",
    "AWS_REGION, AWS_DEFAULT_REGION": "region",
    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN": "credentials, where no role or profile gives them",
    "AWS_ENDPOINT_URL": "another endpoint than AWS's own, for S3 and EC2 alike",
    "AWS_CA_BUNDLE": "certificates to trust",
}
"""AWS's own variables: the whole default credential chain of boto3 is honoured, these are what is used most."""


def _log_format(text: object) -> object:
    """AWS field names apart by spaces or commas; AWS's own `${field}` form is taken too."""
    if not isinstance(text, str):
        return text
    return tuple(re.sub(r"^\$\{(.*)\}$", r"\1", name) for name in re.split(r"[\s,]+", text.strip()) if name)


def _duration(text: object) -> object:
    try:
        return parse_duration(text) if isinstance(text, str) else text
    except FlowtrailError as error:
        raise ValueError(error.message) from None


def _retention(text: object) -> object:
    """None keeps for ever. A day is the least, as a slip such as 90m for three months would take everything; times in
    the store end in 2106, and so does what can be added to them."""
    if not isinstance(text, str):
        return text
    if text.strip() == "none":
        return None
    length = _duration(text)
    if not isinstance(length, timedelta) or not SHORTEST <= length <= LONGEST:
        raise ValueError("too short or too long")
    return length


def _database(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name):
        raise ValueError("not a name")
    return name


def _db(db: str) -> str:
    """A folder, or a server's URL without a password in it."""
    if "://" in db:
        url = urlsplit(db)
        if url.scheme not in ("http", "https") or not url.hostname or url.password:
            raise ValueError("not a folder, not such a URL")
    return db


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.password):
        raise ValueError("not such a URL")
    return url


def _region(name: str) -> str:
    if name and not re.fullmatch(r"[a-z]{2,}(-[a-z0-9]+)+", name):
        raise ValueError("not a region")
    return name


def _accepts(words: str) -> dict[str, Any]:
    """What the remedy of a bad value says."""
    return {"accepts": words}


class Settings(BaseSettings):
    """Build with `load`; frozen. Sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    db: Annotated[str, AfterValidator(_db)] = Field(
        "./flowtrail.db",
        description="where the facts are: a folder for the embedded engine, or the URL of a ClickHouse server",
        json_schema_extra=_accepts("a folder, or http(s)://user@host:port[/database] without a password"),
    )
    database: Annotated[str, AfterValidator(_database)] = Field(
        "flowtrail",
        description="database in it; the one in a server's URL wins",
        json_schema_extra=_accepts("letters, digits and underscores, not beginning with a digit"),
    )
    dead_letters: str = Field(
        "",
        description="folder for references to objects that could not be read; beside an embedded db"
        " (`<db>.dead-letters`), else ./flowtrail.dead-letters",
        json_schema_extra=_accepts("a folder"),
    )
    log_format: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_log_format)] = Field(
        (),
        description="fields of flow-log objects that lack the header line, in their order",
        json_schema_extra=_accepts("AWS field names apart by spaces, such as 'version account-id interface-id'"),
    )
    load_objects: PositiveInt = Field(
        2_000,
        description="at most so many objects are written together",
        json_schema_extra=_accepts("a whole number above 0"),
    )
    load_bytes: PositiveInt = Field(
        16 << 20,
        description="and at most so many bytes of them, as stored; a larger object is written alone",
        json_schema_extra=_accepts("a whole number of bytes above 0"),
    )
    lookback: Annotated[timedelta, BeforeValidator(_duration)] = Field(
        timedelta(hours=24),
        description="how far before its range `correlate` looks for what was normal and for changes",
        json_schema_extra=_accepts("a length of time such as 90s, 30m, 24h or 7d"),
    )
    margin: Annotated[timedelta, BeforeValidator(_duration)] = Field(
        timedelta(hours=24),
        description="how much later than its records an object may be named for `ingest --to` to find it still",
        json_schema_extra=_accepts("a length of time such as 90s, 30m, 24h or 7d"),
    )
    retention: Annotated[timedelta | None, BeforeValidator(_retention)] = Field(
        None,
        description="how long flow records are kept after their start; commands that write bring the tables' TTL to it,"
        " so give it to all of them alike",
        json_schema_extra=_accepts("a length of time from 1d to 14600d, such as 90d, or none to keep them for ever"),
    )
    profile: str = Field(
        "",
        description="profile of AWS's shared configuration files; wins over AWS_PROFILE and over keys in variables",
        json_schema_extra=_accepts("a name that `aws configure list-profiles` shows"),
    )
    aws_region: Annotated[str, AfterValidator(_region)] = Field(
        "",
        description="region to ask; wins over AWS_REGION",
        json_schema_extra=_accepts("a region such as eu-central-1"),
    )
    endpoint_url: Annotated[str, AfterValidator(_endpoint)] = Field(
        "",
        description="another endpoint than AWS's own, for S3 and EC2 alike; wins over AWS_ENDPOINT_URL",
        json_schema_extra=_accepts("http(s)://host[:port]"),
    )
    no_sign_request: bool = Field(
        False,
        description="read S3 without credentials: public buckets",
        json_schema_extra=_accepts("true or false"),
    )
    requester_pays: bool = Field(
        False,
        description="accept the cost of requests to a bucket whose owner does not",
        json_schema_extra=_accepts("true or false"),
    )
    output: Literal["table", "json", "csv"] = Field(
        "table",
        description="how commands answer",
        json_schema_extra=_accepts("table, json or csv"),
    )

    @property
    def access(self) -> Access:
        """How to go to AWS."""
        return Access(self.profile, self.aws_region, self.endpoint_url, self.no_sign_request, self.requester_pays)

    @property
    def dead_letter_folder(self) -> str:
        """`dead_letters`, or where it is when it is not set."""
        if self.dead_letters:
            return self.dead_letters
        return "./flowtrail.dead-letters" if "://" in self.db else f"{self.db.rstrip('/')}.dead-letters"


def load(**given: Any) -> Settings:
    """Settings from the variables; `given` values that are not None win. Raises FlowtrailError naming the variable
    of a bad value and what it accepts."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        bad = re.sub(r"://[^/]*@", "://...@", str(first["input"]))  # it may hold a password
        who = f"--{name.replace('_', '-')}" if given.get(name) is not None else f"{PREFIX}{name.upper()}"
        raise FlowtrailError(f"{who} is {bad!r}.", f"Set it to {accepts(name)}, or leave it out.") from None


def accepts(name: str) -> str:
    """What the setting takes, in words."""
    extra = Settings.model_fields[name].json_schema_extra
    return str(extra["accepts"]) if isinstance(extra, dict) else ""


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that begin with our prefix and mean nothing, each with the nearest one that does ('' if none)."""
    known = [PREFIX + name.upper() for name in Settings.model_fields] + list(READ_ELSEWHERE)
    strange = [name for name in sorted(environment) if name.startswith(PREFIX) and name not in known]
    return {name: next(iter(difflib.get_close_matches(name, known, 1, 0.8)), "") for name in strange}
