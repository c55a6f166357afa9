"""Timing: a subject and its floor in turns, so that noise and warm caches are the same for both."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from typing import TypeVar

T = TypeVar("T")
Call = Callable[[T], object]
Stopwatch = Callable[[T], int]
"""Does something with its argument, and returns how many nanoseconds that took."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long single calls took, in nanoseconds."""

    taken: Sequence[int]

    def percentile(self, percent: float) -> float:
        """Nanoseconds, the nearest rank."""
        ordered = sorted(self.taken)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    @property
    def per_second(self) -> float:
        """Calls per second, one after the other."""
        return len(self.taken) / (sum(self.taken) / 1e9)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Times of a subject and of its floor, for the same inputs in the same order."""

    subject: Times
    floor: Times

    @property
    def ratio(self) -> float:
        """The median over all inputs of what the subject takes, in floors.

        Steadier than a quotient of medians: both calls of a pair meet the same moment.
        """
        pairs = zip(self.subject.taken, self.floor.taken, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)

    @property
    def difference(self) -> float:
        """The median over all inputs of what the subject takes more than its floor, in ns."""
        pairs = zip(self.subject.taken, self.floor.taken, strict=True)
        return statistics.median(mine - theirs for mine, theirs in pairs)

    def only(self, chosen: Sequence[bool]) -> Pairs:
        """Those pairs for which `chosen` is true."""
        return Pairs(
            Times(list(compress(self.subject.taken, chosen))),
            Times(list(compress(self.floor.taken, chosen))),
        )


def in_turns(subject: Stopwatch[T], floor: Stopwatch[T], inputs: Sequence[T]) -> Pairs:
    """Measure both on every input; who begins changes, since whoever does finds caches cold."""
    mine, theirs = [], []
    for number, one in enumerate(inputs):
        if number % 2:
            mine.append(subject(one))
            theirs.append(floor(one))
        else:
            theirs.append(floor(one))
            mine.append(subject(one))
    return Pairs(Times(mine), Times(theirs))


def side_by_side(subject: Call[T], floor: Call[T], inputs: Sequence[T], *, warm: int = 0) -> Pairs:
    """Time calls of both in turns; the first `warm` inputs are not counted."""
    in_turns(_timed(subject), _timed(floor), inputs[:warm])
    with quiet():
        return in_turns(_timed(subject), _timed(floor), inputs[warm:])


def _timed(call: Call[T]) -> Stopwatch[T]:
    now = time.perf_counter_ns

    def timed(one: T) -> int:
        begun = now()
        call(one)
        return now() - begun

    return timed


@contextmanager
def quiet() -> Iterator[None]:
    """Without garbage collection, as in `timeit`: what it costs depends on what else is held."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def process(code: str, *arguments: str) -> tuple[int, str]:
    """Nanoseconds from starting a Python process until it prints a line, and that line.

    How the process ends is not counted, but must be well. It may keep its bytecode, as an installed
    package has, whatever this process was told.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter_ns()
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as child:
        if child.stdout is None:
            raise AssertionError("the child's output was asked for")
        line = child.stdout.readline().strip()
        taken = time.perf_counter_ns() - begun
    if child.returncode or not line:
        raise RuntimeError(f"this ended with {child.returncode}:\n{code}")
    return taken, line
