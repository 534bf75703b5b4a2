"""The peer: ClickHouse itself, reading the same objects into the same table with all threads."""

import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.store import Run, measured, opened
from connectors.store.clickhouse import command
from schemas.flow import BY_AWS_NAME, LOG_STATUS

SETTINGS = {
    "format_custom_field_delimiter": "' '",
    "format_custom_escaping_rule": "'CSV'",
    "format_csv_delimiter": "' '",
    "format_csv_null_representation": "'-'",
    "input_format_with_names_use_header": "0",
    "input_format_csv_empty_as_default": "1",
}


def insert(source: str, fields: Sequence[str]) -> str:
    """The statement that fills `flows` from `source`, with OK records only, as our ingest does."""
    names = [name.replace("-", "_") for name in fields]
    types = [BY_AWS_NAME[name].clickhouse if name in BY_AWS_NAME else "String" for name in fields]
    structure = ", ".join(f"`{name}` {kind}" for name, kind in zip(names, types, strict=True)).replace("'", "\\'")
    columns = ", ".join(f"`{name}`" for name, aws in zip(names, fields, strict=True) if aws != LOG_STATUS)
    settings = ", ".join(f"{name} = {value}" for name, value in SETTINGS.items())
    where = "WHERE log_status = 'OK'" if LOG_STATUS in fields else ""
    function = source.format(form="'CustomSeparatedWithNames'", structure=f"'{structure}'")
    return f"INSERT INTO flows ({columns}) SELECT {columns} FROM {function} {where} SETTINGS {settings}"  # noqa: S608


def theirs(path: str, bucket: str, fields: Sequence[str], expected: int) -> Run:
    """Runs the insert from objects read over the S3 API."""
    key, url = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_ENDPOINT_URL"]
    source = f"s3('{url}/{bucket}/**.log.gz', '{key}', '{key}', {{form}}, {{structure}}, 'gzip')"
    return _run(path, insert(source, fields), expected)


def from_files(path: str, files: str, fields: Sequence[str], expected: int) -> Run:
    """Runs the insert from local files, without S3."""
    return _run(path, insert(f"file('{files}/**/*.log.gz', {{form}}, {{structure}}, 'gzip')", fields), expected)


def _run(path: str, statement: str, expected: int) -> Run:
    store = opened(Path(path))
    run = measured(store, "flows", lambda: command(store.client(), statement))
    assert run.rows == expected, run
    return run
