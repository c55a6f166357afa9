"""Traffic to hold a bound on: streams whose intents the shipped calibration was not counted on.

Intents are halved: the prior of `core/calibration.py` is counted on one half, runs draw from the
other, four fifths of its intents each, in an order of their own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from benchmarks.answers import streams
from benchmarks.answers.vectors import encode

if TYPE_CHECKING:
    from cacheback.core.ports import Vectors

GATE = 0.8  # cosine from which a pair is judged
REQUESTS = 3_000
SOURCES = ("BANKING77", "CLINC150")
HALVES = 7  # seed
_POOL = 4_000  # texts of a half: each pair of them is judged at most once
_INTENTS = 0.8  # of a half's, in each run

Request: TypeAlias = tuple[str, str]
"""A text and its intent."""


@dataclass(frozen=True)
class World:
    """Texts of one half of the intents, with the neighbours of each; streams are drawn from it."""

    texts: Sequence[str]
    labels: Sequence[str]
    sources: Sequence[str]
    vectors: Vectors

    @cached_property
    def near(self) -> list[streams.Near]:
        """For each text the others with a cosine of `GATE` or more, nearest first."""
        found: list[streams.Near] = []
        for index, vector in enumerate(self.vectors):
            cosines = self.vectors @ vector
            cosines[index] = -1.0
            close = np.flatnonzero(cosines >= GATE)
            order = close[np.argsort(-cosines[close], kind="stable")]
            found.append(list(zip(order.tolist(), cosines[order].tolist(), strict=True)))
        return found

    def of(self, source: str) -> list[int]:
        return [index for index, one in enumerate(self.sources) if one == source]

    def topic(self, source: str) -> set[str]:
        """Half of a source's intents, those on one side along the direction in which their centres
        differ most: what is near each other stays together."""
        ids = self.of(source)
        labels = np.array([self.labels[one] for one in ids])
        intents = sorted(set(labels.tolist()))
        vectors = self.vectors[ids]
        centres = np.stack([vectors[labels == one].mean(axis=0) for one in intents])
        along = np.linalg.svd(centres - centres.mean(axis=0), full_matrices=False)[0][:, 0]
        ordered = [intents[index] for index in np.argsort(along, kind="stable")]
        sizes = np.cumsum([(labels == one).sum() for one in ordered])
        return set(ordered[: int(np.searchsorted(sizes, len(ids) / 2)) + 1])


@dataclass(frozen=True)
class Traffic:
    """Texts in the order in which they are asked; from `change` on they are of another kind."""

    name: str
    ids: Sequence[int]
    change: int


def worlds(folder: Path, cache: Path, pool: int = _POOL) -> tuple[World, World] | None:
    """The half that the prior is counted on and the half that is tested; None without the files."""
    if not folder.is_dir():
        return None
    halves: tuple[list[tuple[Request, str]], ...] = ([], [])
    for source, rows in _sources(folder).items():
        for half, drawn in zip(halves, _halved(rows, pool), strict=True):
            half.extend((one, source) for one in drawn)
    made = []
    for half in halves:
        texts = [text for (text, _), _ in half]
        labels = [f"{source} {label}" for (_, label), source in half]
        vectors = encode(texts, cache)
        made.append(World(texts, labels, [source for _, source in half], vectors))
    return made[0], made[1]


def _sources(folder: Path) -> dict[str, list[Request]]:
    """CLINC150 without its train part: the shipped judge has read pairs of that."""
    loaded = json.loads((folder / "clinc150_full.json").read_text(encoding="utf-8"))
    clinc = [
        (text, text if part.startswith("oos") else intent)
        for part, rows in loaded.items()
        if not part.endswith("train")
        for text, intent in rows
    ]
    banking = [
        one
        for stream in streams.load(folder, 10**6)
        if stream.name == "BANKING77"
        for one in zip(stream.texts, stream.labels, strict=True)
    ]
    return {"BANKING77": banking, "CLINC150": clinc}


def _halved(rows: Sequence[Request], pool: int) -> tuple[list[Request], list[Request]]:
    """Texts of one half of the intents and of the other; a text that is an intent of its own
    counts for one tenth of each at most."""
    rows = sorted(dict(rows).items())
    intents = sorted({label for text, label in rows if text != label})
    random.Random(HALVES).shuffle(intents)
    halves = []
    for part in (0, 1):
        kept = set(intents[part::2])
        some = [one for one in rows if one[1] in kept]
        alone = [one for one in rows if one[0] == one[1]][part::2]
        random.Random(HALVES).shuffle(some)
        random.Random(HALVES).shuffle(alone)
        alone = alone[: pool // 10]
        halves.append(some[: pool - len(alone)] + alone)
    return halves[0], halves[1]


def traffics(world: World, seed: int, requests: int = REQUESTS) -> Iterator[Traffic]:
    """One run's streams: steady ones, and those whose kind of question changes half-way."""
    drawn = {source: _drawn(world, source, seed) for source in SOURCES if world.of(source)}
    half = requests // 2
    for source, ids in drawn.items():
        yield Traffic(source, ids[:requests], len(ids[:requests]) // 2)
    for source, ids in drawn.items():
        parts = _parted(world, ids, world.topic(source))
        yield _changing(f"{source}, another topic", *parts[:: -1 if seed % 2 else 1], half)
    for source, ids in drawn.items():
        intents = sorted({world.labels[one] for one in ids})
        some = set(random.Random(seed).sample(intents, len(intents) // 2))
        yield _changing(f"{source}, other intents", *_parted(world, ids, some), half)
    for first, then in permutations(drawn, 2):
        yield _changing(f"{first}, then {then}", drawn[first], drawn[then], half)


def _drawn(world: World, source: str, seed: int) -> list[int]:
    ids = world.of(source)
    intents = sorted({world.labels[one] for one in ids})
    rng = random.Random(f"{source} {seed}")
    kept = set(rng.sample(intents, round(_INTENTS * len(intents))))
    ids = [one for one in ids if world.labels[one] in kept]
    rng.shuffle(ids)
    return ids


def _parted(world: World, ids: Sequence[int], some: set[str]) -> tuple[list[int], list[int]]:
    """Texts of some intents, and the others."""
    inside = [one for one in ids if world.labels[one] in some]
    return inside, [one for one in ids if world.labels[one] not in some]


def _changing(name: str, first: Sequence[int], then: Sequence[int], half: int) -> Traffic:
    return Traffic(name, [*first[:half], *then[:half]], len(first[:half]))
