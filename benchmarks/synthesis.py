"""What a synthesis costs beyond the time of its model, over a miss that upstream answers."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.measure import side_by_side
from benchmarks.setting import ANSWER, Setting
from cacheback import SemanticCache
from cacheback.core.synthesis import Prompt

_WARM = 20
_ENTRIES = 10_000


def figures(setting: Setting) -> Iterator[Figure]:
    def write(_: Prompt) -> str:
        return f"SOURCES: 1, 2\n{ANSWER.text}"

    directory = setting.scratch / "synthesis"
    with (
        SemanticCache(
            directory / "written",
            synthesis_mode="auto",
            synthesizer=write,
            synthesis_threshold=0.0,  # every question finds its sources
            similarity_threshold=1.0,  # and none is served as it is
        ) as writing,
        SemanticCache(directory / "direct", similarity_threshold=1.0) as direct,
    ):
        for cache in (writing, direct):
            setting.fill(cache, setting.size(_ENTRIES, 50))
        texts = setting.asked(4_000, setting.size(400, 20) + _WARM)
        pairs = side_by_side(
            lambda text: writing.ask(text, lambda _: ANSWER),
            lambda text: direct.ask(text, lambda _: ANSWER),
            texts,
            warm=_WARM,
        )
        written = writing.stats().hits.get("synthesis", 0)
    yield Figure(
        "synthesis without its model's time",
        pairs.subject.percentile(50) / 1e3,
        "µs",
        floor=pairs.floor.percentile(50) / 1e3,
        floor_is="the same question, answered by an upstream that takes no time",
        ratio=pairs.ratio,
        note=f"p99 {pairs.subject.percentile(99) / 1e3:,.0f} µs; {pairs.difference / 1e3:,.0f} µs"
        f" more than its floor; {written} of {len(texts)} written",
    )
