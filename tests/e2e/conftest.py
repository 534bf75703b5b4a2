"""The story, told once and found: for tests that show it."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.store.clickhouse import Store
from simulation.aws import environment
from simulation.network import save
from simulation.rows import Reading
from simulation.story import BEGIN, NOW, Telling, logs, put
from tests.conftest import copy
from tests.stories import Stories


@pytest.fixture(scope="session")
def told_store(
    engine_folder: Path, template: Store, stories: Stories, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store in which the two faults of the story have been found, both open."""
    from tests.e2e.test_story import Flowtrail

    store = Store(str(engine_folder), f"t_{uuid.uuid4().hex}")
    copy(template, store.database)
    with stories.told() as (stage, story):
        folder = tmp_path_factory.mktemp("answers")
        save(story.phases[0].answers, folder)
        put(logs(story, Telling(1, 2, next(iter(Reading))), BEGIN, NOW), stage.endpoint, "story")
        variables = environment(stage.endpoint) | {"FLOWTRAIL_DB": store.db, "FLOWTRAIL_DATABASE": store.database}
        flowtrail = Flowtrail(store, variables)
        flowtrail.run("snapshot", "--from-files", str(folder), "--as-of", f"{BEGIN:%Y-%m-%dT%H:%M:%SZ}")
        flowtrail.run("ingest", "s3://story/")
        flowtrail.look(f"{NOW:%Y-%m-%dT%H:%M:%SZ}")
    yield store
    store.server().command(f"DROP DATABASE {store.database} SYNC")
