"""One stream with `max_error` set, replayed: what is served, what is learned from it."""

from __future__ import annotations

import hashlib
import inspect
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.answers.rows import Row
from benchmarks.answers.traffic import GATE, Traffic, World
from cacheback.core.calibration import AUDITED, calibrate
from cacheback.core.learning import _STRENGTH
from cacheback.core.ports import LESSONS_KEPT, Lesson, Pair
from cacheback.models import Reason

_CANDIDATES = 3
# The cache reads what it has learned after so many lessons, or 5 s: at 20 requests per second.
_LESSONS, _REQUESTS = 64, 100


class Scores:
    """A judge's probability for pairs, each judged once and kept in a file.

    A pair is judged in the order of its texts, whichever is asked first. A file belongs to a name
    and to the weights beside the judge's module; who changes its code alone deletes the file.
    """

    def __init__(self, row: Row, cache: Path) -> None:
        self._row = row
        module = Path(inspect.getfile(type(row.judge)))
        told = hashlib.sha256(f"{row.name} {GATE}".encode())
        for file in sorted(module.parent.iterdir()):
            if file.suffix in {".bin", ".json", ".onnx"}:
                told.update(file.read_bytes())
        self._file = cache / f"bounded-{told.hexdigest()}.json"
        self._known: dict[str, float | None] = {}
        if self._file.exists():
            self._known = json.loads(self._file.read_text(encoding="utf-8"))
        self._kept = len(self._known)

    def __call__(self, one: str, other: str, cosine: float) -> float | None:
        """None where the judge refuses whatever its probability (a guard's veto)."""
        one, other = sorted((one, other))
        key = hashlib.sha256(f"{one}\0{other}".encode()).hexdigest()[:24]
        if key not in self._known:
            self._known[key] = self._judged(Pair(one, other, cosine, GATE, at_least=0.0))
        return self._known[key]

    def _judged(self, pair: Pair) -> float | None:
        verdict = self._row.judge.judge(pair)
        if verdict.serve and verdict.probability is None:
            return max(0.0, pair.similarity)
        # What is refused for its probability alone is left to the operating point.
        unsure = verdict.serve or verdict.reason is Reason.MEANING_DIFFERS
        return verdict.probability if unsure else None

    def keep(self) -> None:
        if len(self._known) > self._kept:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(self._known), encoding="utf-8")
            self._kept = len(self._known)


@dataclass(frozen=True)
class Part:
    """What became of a run, or of its part since the change."""

    requests: int
    hits: int
    wrong: int
    audits: int

    @classmethod
    def sum(cls, parts: Sequence[Part]) -> Part:
        return cls(
            sum(one.requests for one in parts),
            sum(one.hits for one in parts),
            sum(one.wrong for one in parts),
            sum(one.audits for one in parts),
        )

    @property
    def wrong_per_hit(self) -> float:
        return self.wrong / self.hits if self.hits else 0.0

    def holds(self, max_error: float) -> bool:
        return self.wrong <= max_error * self.hits


@dataclass(frozen=True)
class Run:
    whole: Part
    changed: Part


class Bounded:
    """The cache with `max_error` set, on one stream."""

    def __init__(
        self, world: World, scores: Scores, max_error: float, seed: int, noise: float = 0.0
    ) -> None:
        self._world, self._scores, self._max_error = world, scores, max_error
        self._random, self._noise = random.Random(seed), noise
        self._stored: set[int] = set()
        self._lessons: list[Lesson] = []
        self._calibrated = 0
        self._of_entry: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        self._point = calibrate(max_error, ()).operating_point

    def run(self, traffic: Traffic) -> Run:
        told = []
        for number, one in enumerate(traffic.ids):
            if number % _REQUESTS == 0:
                self._calibrate()
            told.append(self._ask(one))
        return Run(_part(told), _part(told[traffic.change :]))

    def _ask(self, asked: int) -> tuple[bool, bool, bool]:
        """Whether it was a hit, a wrong one, and audited."""
        candidates = self._candidates(asked)
        served = next(
            (one for one in candidates if one[1] is not None and one[1] >= self._point), None
        )
        if served is None:
            self._stored.add(asked)
            if candidates and candidates[0][1] is not None:
                self._learn(asked, *candidates[0], paid=False)
            return False, False, False
        entry, score = served
        right = self._world.labels[entry] == self._world.labels[asked]
        audited = self._random.random() < AUDITED
        if audited and not self._learn(asked, entry, score, paid=True):
            self._stored.add(asked)
        return True, not right, audited

    def _candidates(self, asked: int) -> list[tuple[int, float | None]]:
        """The nearest stored ones with their scores under what is known of each; None: vetoed."""
        found: list[tuple[int, float | None]] = []
        texts = self._world.texts
        for entry, cosine in self._world.near[asked]:
            if entry in self._stored:
                score = self._scores(texts[asked], texts[entry], cosine)
                found.append((entry, None if score is None else self._shrunk(entry, score)))
                if len(found) == _CANDIDATES:
                    break
        return found

    def _shrunk(self, entry: int, score: float) -> float:
        wrong, right = self._of_entry[entry]
        return (_STRENGTH * score + right) / (_STRENGTH + right + wrong)

    def _learn(self, asked: int, entry: int, score: float | None, *, paid: bool) -> bool:
        right = self._world.labels[entry] == self._world.labels[asked]
        right ^= self._random.random() < self._noise
        self._of_entry[entry][right] += 1
        self._lessons.append(Lesson(0.0, "", "", entry, right, "answers", score, paid))
        if len(self._lessons) - self._calibrated >= _LESSONS:
            self._calibrate()
        return right

    def _calibrate(self) -> None:
        if len(self._lessons) > self._calibrated:
            self._calibrated = len(self._lessons)
            known = self._lessons[-LESSONS_KEPT:]
            self._point = calibrate(self._max_error, known).operating_point


def _part(told: Sequence[tuple[bool, bool, bool]]) -> Part:
    return Part(len(told), *(sum(one[what] for one in told) for what in range(3)))
