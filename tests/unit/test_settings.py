"""Settings: variables, defaults, precedence, and a message that names the variable and the remedy."""

import os
from datetime import timedelta

import pytest

from connectors.aws.access import Access
from connectors.settings import Settings, load, unknown_variables
from pipelines.ingest.find.selection import LATE
from pipelines.ingest.load import Limits
from schemas.errors import FlowtrailError


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FLOWTRAIL_")]:
        monkeypatch.delenv(name)


def test_defaults() -> None:
    found = load()
    assert (found.db, found.database, found.output) == ("./flowtrail.db", "flowtrail", "table")
    assert found.lookback == timedelta(hours=24)
    assert found.lease == timedelta(seconds=60)


def test_a_variable_overrides_the_default_and_an_option_overrides_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWTRAIL_DB", "/data/trail/")
    monkeypatch.setenv("FLOWTRAIL_OUTPUT", "json")
    assert (load().db, load().output) == ("/data/trail/", "json")
    assert load(db="/other", output=None).db == "/other"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWTRAIL_DB", "")
    assert load().db == "./flowtrail.db"


def test_the_log_format_is_accepted_as_aws_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWTRAIL_LOG_FORMAT", "${version} ${account-id}, srcaddr")
    assert load().log_format == ("version", "account-id", "srcaddr")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OUTPUT", "xml"),
        ("LOOKBACK", "soon"),
        ("LOOKBACK", "0h"),
        ("LOAD_BYTES", "-1"),
        ("LOAD_OBJECTS", "many"),
        ("DATABASE", "a; DROP"),
        ("DB", "postgres://x"),
        ("DB", "https://"),
        ("MARGIN", "late"),
        ("LEASE", "0s"),
        ("RETENTION", "always"),
        ("RETENTION", "90m"),
        ("RETENTION", "14601d"),
        ("AWS_REGION", "Frankfurt"),
        ("ENDPOINT_URL", "localhost:9000"),
        ("NO_SIGN_REQUEST", "perhaps"),
    ],
)
def test_a_bad_value_is_reported_with_its_variable_and_accepted_values(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"FLOWTRAIL_{name}", value)
    with pytest.raises(FlowtrailError, match=f"FLOWTRAIL_{name} cannot be ") as failure:
        load()
    assert value in failure.value.message
    assert failure.value.remedy.startswith("Set it to ")


def test_a_bad_option_is_reported_by_its_name() -> None:
    with pytest.raises(FlowtrailError, match="--lookback cannot be 'soon'"):
        load(lookback="soon")


def test_a_password_in_the_url_is_rejected_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWTRAIL_DB", "https://loader:s3cret@clickhouse:8443")
    with pytest.raises(FlowtrailError, match="without a password") as failure:
        load()
    assert "s3cret" not in str(failure.value)


def test_unknown_variables_are_reported_with_the_closest_known_one() -> None:
    found = unknown_variables({"FLOWTRAIL_DBS": "x", "FLOWTRAIL_PASSWORD": "y", "FLOWTRAIL_QQQQQQQQ": "", "PATH": ""})
    assert found == {"FLOWTRAIL_DBS": "FLOWTRAIL_DB", "FLOWTRAIL_QQQQQQQQ": ""}


def test_aws_access_is_that_of_boto3_unless_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().access == Access()
    monkeypatch.setenv("FLOWTRAIL_PROFILE", "audit")
    monkeypatch.setenv("FLOWTRAIL_AWS_REGION", "us-gov-west-1")
    monkeypatch.setenv("FLOWTRAIL_ENDPOINT_URL", "https://s3.example:8443")
    monkeypatch.setenv("FLOWTRAIL_NO_SIGN_REQUEST", "true")
    monkeypatch.setenv("FLOWTRAIL_REQUESTER_PAYS", "1")
    assert load().access == Access("audit", "us-gov-west-1", "https://s3.example:8443", True, True)
    assert load(profile="other").access.profile == "other"


def test_the_limits_of_a_load_are_those_of_ingest() -> None:
    assert Limits(load().load_objects, load().load_bytes) == Limits()
    assert load().margin == LATE


def test_records_are_kept_forever_or_for_at_least_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().retention is None
    for text, length in {"90d": timedelta(days=90), "24h": timedelta(days=1), "none": None}.items():
        monkeypatch.setenv("FLOWTRAIL_RETENTION", text)
        assert load().retention == length


def test_every_setting_has_a_meaning_and_accepted_values() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert isinstance(field.json_schema_extra, dict), name
        assert field.json_schema_extra["accepts"], name
