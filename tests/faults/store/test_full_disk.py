"""A full disk is an error with a remedy; what was acknowledged stays, and can still be read."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cacheback.core.ports import Selection, Use
from cacheback.errors import StoreFullError
from cacheback.store.sqlite import SQLiteStore
from cacheback.testing.store_contract import ALL, CITY, digest_of, draft

# The kernel itself refuses to let any file of the process grow beyond the limit.
UNTIL_FULL = """
store = SQLiteStore(directory)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
n = 0
try:
    while True:
        (entry,) = store.put([draft(f"{n}", answer=Answer("x" * 3000), vector=vector_of(1, 0))])
        n += 1
except StoreFullError as error:
    assert "free space" in str(error), error
say(n)
assert store.count(ALL) == n
assert all(store.find(CITY.digest, digest_of(f"{i}")) for i in range(n))
assert store.find(CITY.digest, digest_of(f"{n}")) is None
for attempt in range(3):
    try:
        store.put([draft(f"{attempt} " + "y" * 100_000)])
    except StoreFullError:
        say("full")
assert store.check() == []
if hear() == "space":
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    store.put([draft("after")])
store.close()
"""


@pytest.mark.parametrize("limit", [300_000, 2_000_000])
@pytest.mark.parametrize("then", ["space", "no space"])
def test_a_limit_on_the_size_of_files(tmp_path: Path, start: Any, limit: int, then: str) -> None:
    pytest.importorskip("resource")
    child = start(tmp_path, UNTIL_FULL, limit)
    said, _ = child.communicate(then)
    assert child.returncode == 0
    count, *refusals = said.split()
    assert refusals == ["full"] * 3
    with closing(SQLiteStore(tmp_path)) as store:
        assert store.check() == []
        assert int(count) > 1
        assert all(store.find(CITY.digest, digest_of(f"{n}")) for n in range(int(count)))
        assert store.count(ALL) == int(count) + (then == "space")


def test_a_store_cannot_be_made_where_there_is_no_space(tmp_path: Path, start: Any) -> None:
    pytest.importorskip("resource")
    child = start(
        tmp_path,
        """
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    SQLiteStore(directory)
except StoreFullError as error:
    say(error)
""",
    )
    said, _ = child.communicate()
    assert "free space" in said
    assert list(tmp_path.iterdir()) == []
    SQLiteStore(tmp_path).close()


def test_a_full_database(tmp_path: Path) -> None:
    """SQLite's own limit, for where the kernel has none to set."""
    with closing(SQLiteStore(tmp_path)) as store:
        store.put([draft(f"{n}") for n in range(10)])
        with store._connections.reading() as db:
            db.execute("PRAGMA max_page_count = 40")
        big = [draft(f"big {n}" + "x" * 4000) for n in range(50)]
        with pytest.raises(StoreFullError, match="free space"):
            store.put(big)
        assert store.count(ALL) == 10
        store.record({1: Use(1, 5.0)}, {"hits": 1})
        assert store.remove(Selection(ids=(1, 2))) == 2
        assert store.check() == []
        with store._connections.reading() as db:
            db.execute("PRAGMA max_page_count = 4000")
        store.put(big)
        assert store.count(ALL) == 58
