"""A semantic lookup of a question that was never asked, over encoding and searching alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.figure import Figure, Goal
from benchmarks.measure import Pairs, side_by_side
from benchmarks.setting import Setting, encode
from cacheback import SemanticCache

_WARM = 20


def figures(setting: Setting) -> Iterator[Figure]:
    for number, size in enumerate(setting.size((1_000, 10_000, 50_000), (50, 200))):
        with SemanticCache(setting.scratch / f"semantic-{size}") as cache:
            setting.fill(cache, size)
            yield _measure(setting, cache, number, size)


def _measure(setting: Setting, cache: SemanticCache, number: int, size: int) -> Figure:
    count = setting.size(600, 20) + _WARM
    texts = setting.asked(500 + number * count, count)  # texts that no memory has seen
    parts = cache.engine.parts
    scope = parts.rules.place("", {}, day=str).digest
    k = cache.settings.candidates
    hits = []

    def lookup(text: str) -> None:
        hits.append(cache.lookup(text) is not None)

    def floor(text: str) -> None:
        cache.catalog.nearest(scope, encode(text), k)

    pairs = side_by_side(lookup, floor, texts, warm=_WARM)
    return Figure(
        f"semantic lookup among {size:,}",
        pairs.subject.percentile(50) / 1e3,
        "µs",
        floor=pairs.floor.percentile(50) / 1e3,
        floor_is="tokenizer + session + the index's search, same texts",
        ratio=pairs.ratio,
        goal=Goal("≤", 1.15, of="ratio"),
        note=f"p99 {pairs.subject.percentile(99) / 1e3:,.0f} µs; " + _by_kind(pairs, hits[_WARM:]),
    )


def _by_kind(pairs: Pairs, hits: Sequence[bool]) -> str:
    """A hit is judged and read from the store as well, and so costs more than a miss."""
    told = []
    for name, kind in (("misses", False), ("hits", True)):
        chosen = [hit is kind for hit in hits]
        share = sum(chosen) / len(chosen)
        told.append(f"{share:.0%} {name}" + (f" {pairs.only(chosen).ratio:.2f}" if share else ""))
    return ", ".join(told)
