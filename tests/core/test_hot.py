from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from cacheback.core.hot import HotMap
from cacheback.models import Answer, Entry


def entry(name: str) -> Entry:
    return Entry(1, name, name, "scope", Answer(name), 0.0, None, 0.0)


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    hot = HotMap(2)
    for name in "ab":
        hot.put(entry(name), hot.generation)
    hot.get("scope", "a")
    hot.put(entry("c"), hot.generation)
    assert [hot.get("scope", name) is not None for name in "abc"] == [True, False, True]


def test_an_entry_removed_while_it_was_read_is_not_brought_back() -> None:
    hot = HotMap(2)
    before = hot.generation
    hot.forget("scope", "a")
    hot.put(entry("a"), before)
    assert hot.get("scope", "a") is None


def test_clear_forgets_what_is_being_read_as_well() -> None:
    hot = HotMap(2)
    before = hot.generation
    hot.put(entry("a"), before)
    hot.clear()
    hot.put(entry("b"), before)
    assert hot.get("scope", "a") is None
    assert hot.get("scope", "b") is None


def test_another_scope_is_another_entry() -> None:
    hot = HotMap(2)
    hot.put(entry("a"), hot.generation)
    assert hot.get("other", "a") is None


def test_a_map_of_size_nothing_keeps_nothing() -> None:
    hot = HotMap(0)
    hot.put(entry("a"), hot.generation)
    assert hot.get("scope", "a") is None


def test_threads_may_share_it() -> None:
    hot = HotMap(8)

    def use(seed: int) -> None:
        for i in range(2_000):
            name = str((i * seed) % 20)
            hot.put(entry(name), hot.generation)
            found = hot.get("scope", name)
            assert found is None or found.question == name
            if i % 100 == 0:
                hot.forget("scope", name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(1, 9)))
