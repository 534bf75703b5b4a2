"""deploy/ allows exactly what the code does: none of its calls is denied, and nothing else is allowed."""

import json
import re
from pathlib import Path

from connectors.aws.ec2 import OPERATIONS, PREFIX_LISTS
from connectors.store.clickhouse import Store
from schemas.describe import ANSWERS

ROOT = Path(__file__).parents[2]
POLICY = json.loads((ROOT / "deploy" / "aws" / "reader-policy.json").read_text("utf-8"))


def allowed(service: str) -> set[str]:
    actions = [statement["Action"] for statement in POLICY["Statement"]]
    flat = [action for each in actions for action in ([each] if isinstance(each, str) else each)]
    return {action for action in flat if action.startswith(f"{service}:")}


def test_every_describe_that_is_called_is_allowed_and_nothing_else_in_ec2() -> None:
    called = {"ec2:" + "".join(word.capitalize() for word in name.split("_")) for name in (*OPERATIONS, *PREFIX_LISTS)}
    assert allowed("ec2") == called


def test_the_calls_are_those_that_the_configuration_needs() -> None:
    assert {name.replace("_", "-") for name in OPERATIONS} | {"describe-prefix-lists"} == set(ANSWERS)


def test_in_s3_only_listing_and_reading_are_allowed() -> None:
    text = (ROOT / "connectors" / "aws" / "s3.py").read_text("utf-8")
    used = set(re.findall(r"list_objects_v2|\.get_object\(|\.put_object\(|\.delete_object\(|\.head_object\(", text))
    assert used == {"list_objects_v2", ".get_object(", ".head_object("}  # s3:GetObject allows both of these
    assert allowed("s3") == {"s3:ListBucket", "s3:GetObject"}


def test_no_action_is_a_wildcard_and_only_describes_apply_to_every_resource() -> None:
    for statement in POLICY["Statement"]:
        assert statement["Effect"] == "Allow"
        assert "*" not in json.dumps(statement["Action"])
        assert (statement["Resource"] == "*") == (statement["Sid"] == "Snapshot")


def statements() -> list[str]:
    text = (ROOT / "deploy" / "clickhouse" / "users.sql").read_text("utf-8")
    return [part.strip() for part in re.split(r";\s*$", text, flags=re.MULTILINE) if part.strip()]


def test_the_engine_understands_every_statement_for_a_server(store: Store) -> None:
    assert len(statements()) == 9
    for statement in statements():
        assert store.client().query(f"EXPLAIN AST {statement}").result_rows


def test_only_the_migrator_may_change_tables_and_the_reader_only_reads() -> None:
    found = re.findall(r"GRANT (.*) ON flowtrail\.\* TO flowtrail_(\w+)", "\n".join(statements()))
    grants = {user: rights for rights, user in found}
    assert grants["reader"] == "SELECT"
    assert grants["loader"] == "SELECT, INSERT, ALTER DELETE"
    assert "CREATE" in grants["migrator"]
    assert "SOURCES" not in "".join(grants.values())
    assert "readonly = 1" in "\n".join(statements())
