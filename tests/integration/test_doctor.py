"""Proves: each kind of damage is found, named and mended, and nothing else is touched."""
import pytest
from connectors import doctor, ledger
from connectors.clickhouse import Store
from tests.integration.test_ledger import OBJECTS


def test_a_healthy_store(store: Store) -> None:
    assert doctor.examine(store) == []
    ledger.write(store, ledger.new_load(), OBJECTS, 1)
    assert doctor.examine(store) == []
