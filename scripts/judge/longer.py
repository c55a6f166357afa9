"""Long questions: a question from a frame among the circumstances people tell with it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import frames
from styles import neutral, typo

_FILE = Path(__file__).with_name("long.txt")


@dataclass(frozen=True)
class Fact:
    kind: str
    values: tuple[tuple[str, ...], ...]


def load() -> tuple[list[Fact], list[str]]:
    facts, said = [], []
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("fact "):
            kind, _, values = line.removeprefix("fact ").partition(": ")
            parsed = tuple(tuple(value.strip().split("|")) for value in values.split(" ; "))
            facts.append(Fact(kind, parsed))
        elif line.startswith("say: "):
            said.append(line.removeprefix("say: "))
    return facts, said


def _around(core: str, told: list[str], said: list[str], rng: random.Random, count: int) -> str:
    """Facts and small talk before and after the question."""
    sentences = told + rng.sample(said, count)
    rng.shuffle(sentences)
    at = rng.choice((0, len(sentences), len(sentences), rng.randrange(len(sentences) + 1)))
    sentences.insert(at, core if core.endswith(("?", ".", "!")) else core + "?")
    return " ".join(sentences)


def pair(
    all_frames: list[frames.Frame],
    facts: list[Fact],
    said: list[str],
    rng: random.Random,
    *,
    same: bool,
) -> tuple[str, str]:
    """Two long questions, or a long one and a short one, with one answer or with two."""
    frame = rng.choice(all_frames)
    one, other = frames.pair(frame, rng, same=True)
    chosen = rng.sample(facts, rng.choice((0, 1, 2, 3)))
    values = [rng.randrange(len(fact.values)) for fact in chosen]
    others = list(values)
    if not same:
        if chosen and rng.random() < 0.4:
            at = rng.randrange(len(chosen))
            options = [i for i in range(len(chosen[at].values)) if i != values[at]]
            others[at] = rng.choice(options)
        else:
            one, other = frames.pair(frame, rng, same=False)
    told = [rng.choice(fact.values[value]) for fact, value in zip(chosen, values, strict=True)]
    retold = [rng.choice(fact.values[value]) for fact, value in zip(chosen, others, strict=True)]
    if rng.random() < 0.3:  # word for word, but for what differs
        retold = [
            mine if value == also else theirs
            for mine, theirs, value, also in zip(told, retold, values, others, strict=True)
        ]
    count = rng.choice((3, 4, 5, 6, 8))
    first = _around(one, told, said, rng, count)
    if not chosen and rng.random() < 0.25:
        return first, other
    if rng.random() < 0.3:  # the same small talk
        state = rng.getrandbits(32)
        first = _around(one, told, said, random.Random(state), count)
        return first, _around(other, retold, said, random.Random(state), count)
    second = _around(other, retold, said, rng, max(1, count + rng.choice((-3, -1, 0, 1))))
    if rng.random() < 0.2:
        second = typo(neutral(second, rng), rng)
    return first, second
