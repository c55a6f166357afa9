"""Storing: one entry at a time, and an import in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.figure import Figure, Goal
from benchmarks.measure import side_by_side
from benchmarks.setting import ANSWER, Setting, encode
from cacheback import SemanticCache
from cacheback.embedders.minilm import MiniLM
from cacheback.transfer import import_entries
from cacheback.transfer.importing import BATCH


def figures(setting: Setting) -> Iterator[Figure]:
    yield _populate(setting)
    yield _import(setting)


def _populate(setting: Setting) -> Figure:
    texts = setting.stored(setting.size(2_000, 40))
    with SemanticCache(setting.scratch / "populate") as cache:
        warm = len(texts) // 20
        pairs = side_by_side(lambda text: cache.populate(text, ANSWER), encode, texts, warm=warm)
    rate, floor = pairs.subject.per_second, pairs.floor.per_second
    return Figure(
        "populate",
        rate,
        "/s",
        floor=floor,
        floor_is="tokenizer + session, one text after the other",
        ratio=rate / floor,
        goal=Goal("≥", 500),
        note=f"p50 {pairs.subject.percentile(50) / 1e6:.2f} ms, "
        f"p99 {pairs.subject.percentile(99) / 1e6:.2f} ms",
    )


def _import(setting: Setting) -> Figure:
    batch = setting.size(BATCH, 16)
    texts = setting.stored(setting.size(24, 3) * batch)
    batches = [texts[start : start + batch] for start in range(0, len(texts), batch)]
    embedder = MiniLM()
    with SemanticCache(setting.scratch / "import") as cache:

        def import_(batch: list[str]) -> None:
            lines = [json.dumps({"question": text, "answer": ANSWER.text}) for text in batch]
            report = import_entries(cache, lines)
            if report.imported != len(batch):
                raise AssertionError(f"not all lines were imported: {report}")

        pairs = side_by_side(import_, embedder.encode_batch, batches, warm=2)
    return Figure(
        "import",
        pairs.subject.per_second * batch,
        "/s",
        floor=pairs.floor.per_second * batch,
        floor_is=f"encode_batch of the same {batch} texts",
        ratio=1 / pairs.ratio,
        goal=Goal("≥", 0.9, of="ratio"),
    )
