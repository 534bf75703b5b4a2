"""Every command of the cookbook runs, and gives the answer that the page shows. `python -m tests.cookbook` writes the
answers anew."""

from connectors.store.clickhouse import Store
from tests.cookbook import PAGE, answer, commands, fill


def test_the_answers_are_those_on_the_page(store: Store) -> None:
    fill(store)
    found = commands(PAGE.read_text("utf-8"))
    assert len(found) >= 25
    given = [(command, answer(store, command)) for command, _ in found]
    assert given == found
