"""Eight threads that look up, ask anew and store, all at once on one cache."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter

from benchmarks.figure import Figure, Goal
from benchmarks.setting import ANSWER, Setting
from cacheback import SemanticCache

_THREADS = 8
# Of ten calls: how a busy service with a warm cache might ask.
_EXACT, _SEMANTIC, _POPULATE = 6, 3, 1


def figures(setting: Setting) -> Iterator[Figure]:
    rounds, calls = setting.size((9, 800), (1, 80))
    with SemanticCache(setting.scratch / "threads") as cache:
        setting.fill(cache, setting.size(5_000, 50))
        known = setting.asked(0, 100)
        for text in known:
            cache.populate(text, ANSWER)
        new = iter(setting.asked(len(known), 2 * (rounds + 1) * calls))
        errors: list[Exception] = []
        alone, together = [], []
        for _ in range(rounds + 1):
            alone.append(_run(_calls(cache, known, new, calls), 1, errors))
            together.append(_run(_calls(cache, known, new, calls), _THREADS, errors))
        faults = cache.stats().faults
    one, many = statistics.median(alone[1:]), statistics.median(together[1:])
    yield Figure(
        f"{_THREADS} threads, mixed calls",
        many,
        "/s",
        floor=one,
        floor_is="the same mixture in one thread",
        ratio=statistics.median(b / a for a, b in zip(alone[1:], together[1:], strict=True)),
        note=f"{_EXACT} exact, {_SEMANTIC} semantic, {_POPULATE} populate of ten calls",
    )
    told = "; ".join([*map(repr, errors[:3]), *(f"{name}: {n}" for name, n in faults.items())])
    yield Figure(
        f"{_THREADS} threads, errors",
        len(errors) + sum(faults.values()),
        "",
        goal=Goal("≤", 0),
        note=told or "raised to the caller, or counted as faults",
    )


def _calls(
    cache: SemanticCache, known: Sequence[str], new: Iterator[str], count: int
) -> list[Callable[[], object]]:
    """The mixture, evenly spread."""
    calls: list[Callable[[], object]] = []
    for number in range(count // 10):
        exact = [known[(number * _EXACT + i) % len(known)] for i in range(_EXACT)]
        calls += [partial(cache.lookup, text) for text in exact]
        calls += [partial(cache.lookup, next(new)) for _ in range(_SEMANTIC)]
        calls += [partial(cache.populate, next(new), ANSWER) for _ in range(_POPULATE)]
    return calls


def _run(calls: Sequence[Callable[[], object]], threads: int, errors: list[Exception]) -> float:
    """Calls per second."""

    def some(mine: Sequence[Callable[[], object]]) -> None:
        for call in mine:
            try:
                call()
            except Exception as error:  # noqa: BLE001 - they are what is counted
                errors.append(error)

    begun = perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(some, [calls[start::threads] for start in range(threads)]))
    return len(calls) / (perf_counter() - begun)
