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


def big(name: str, size: int) -> Entry:
    answer = Answer("", raw={"choices": [{"text": "x" * size}], "numbers": [0.5, 1]})
    return Entry(1, name, name, "scope", answer, 0.0, None, 0.0)


def held(hot: HotMap, names: str) -> str:
    return "".join(name for name in names if hot.get("scope", name))


def test_memory_is_bounded_as_well() -> None:
    hot = HotMap(100, max_bytes=200_000)
    for name in "abcdefghijklmnopqrstuvwxyz":
        hot.put(big(name, 10_000), hot.generation)
    kept = held(hot, "abcdefghijklmnopqrstuvwxyz")
    assert "abcdefghijklmnopqrstuvwxyz".endswith(kept)
    assert 15 <= len(kept) <= 19


def test_what_was_dropped_or_replaced_takes_no_room() -> None:
    hot = HotMap(100, max_bytes=200_000)
    for _ in range(100):
        hot.put(big("a", 10_000), hot.generation)
        hot.put(big("b", 10_000), hot.generation)
        hot.forget("scope", "b")
    assert held(hot, "ab") == "a"
    for _ in range(100):
        hot.clear()
        hot.put(big("c", 10_000), hot.generation)
    hot.put(big("d", 10_000), hot.generation)
    assert held(hot, "cd") == "cd"


def test_numbers_and_names_weigh_too() -> None:
    hot = HotMap(100, max_bytes=400_000)
    for raw in ({"v": [0.5 + i for i in range(3_072)]}, {"n" * 30_000: 1}):
        answer = Answer("", raw=raw)
        hot.put(Entry(1, "a", "a", "scope", answer, 0.0, None, 0.0), hot.generation)
        assert held(hot, "a") == ""


def test_what_would_drive_out_too_many_is_not_kept() -> None:
    hot = HotMap(100, max_bytes=200_000)
    hot.put(entry("a"), hot.generation)
    hot.put(big("b", 100), hot.generation)
    hot.put(big("b", 20_000), hot.generation)
    assert held(hot, "ab") == "a"


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
