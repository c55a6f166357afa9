from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cacheback.core.ports import Store
from cacheback.store.memory import MemoryStore
from cacheback.store.sqlite import SQLiteStore
from cacheback.testing.store_contract import StoreContract


class TestSQLiteStore(StoreContract):
    change_log_length = 10_000

    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: SQLiteStore(tmp_path / "cache")


class TestMemoryStore(StoreContract):
    change_log_length = 10_000

    @pytest.fixture
    def make_store(self) -> Callable[[], Store]:
        return MemoryStore
