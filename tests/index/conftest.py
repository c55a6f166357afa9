"""A store with vectors in it, and the catalog on top."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cacheback.core.ports import Store
from cacheback.index.catalog import IndexCatalog
from cacheback.models import Answer, Draft, Scope
from cacheback.store.memory import MemoryStore
from cacheback.store.sqlite import SQLiteStore
from cacheback.vectors import pack_rows

if TYPE_CHECKING:
    from cacheback.core.ports import Vectors


@pytest.fixture
def put() -> Callable[..., list[int]]:
    """Stores vectors as entries of a scope, and returns their ids."""

    def put_all(store: Store, vectors: Vectors, scope: str = "a" * 64) -> list[int]:
        drafts = [
            Draft(
                question=f"{row.hex()}",
                question_digest=row.hex(),
                scope=Scope(scope, {}),
                answer=Answer("yes"),
                created_at=0.0,
                expires_at=None,
                vector=row,
            )
            for row in pack_rows(vectors)
        ]
        return [entry.id for entry in store.put(drafts)]

    return put_all


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path)
    yield store
    store.close()


@pytest.fixture
def open_catalog(store: Store) -> Iterator[Callable[..., IndexCatalog]]:
    """Makes catalogs with a crossover of 200, and closes them."""
    opened: list[IndexCatalog] = []

    def open_one(**settings: object) -> IndexCatalog:
        opened.append(IndexCatalog(store, **{"dim": 32, "crossover": 200} | settings))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for catalog in opened:
        catalog.close()
