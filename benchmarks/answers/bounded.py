"""The error bound on streams: is it held, and what does it cost?

    .venv/bin/python -m benchmarks.answers.bounded            # the section of RESULTS.md, its plot
    .venv/bin/python -m benchmarks.answers.bounded --prior    # `COUNTED` of core/calibration.py

Pure replay (`bounding.py`) of streams the shipped calibration has not seen (`traffic.py`), in
seeded runs, with vCache's per-entry rule beside it.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from benchmarks.answers import plots, report, streams
from benchmarks.answers.bounding import Bounded, Run, Scores
from benchmarks.answers.per_entry import PerEntry
from benchmarks.answers.rows import named
from benchmarks.answers.traffic import HALVES, REQUESTS, SOURCES, World, traffics, worlds
from benchmarks.answers.vectors import CACHE
from cacheback.core.calibration import BINS, bin_of

JUDGE = "learned judge=cacheback.judges:LearnedJudge"
MAX_ERRORS = (0.01, 0.02, 0.05)
NOISE = 0.03  # of comparisons that tell the contrary, in the variant with noise
RUNS = 20
PER_ENTRY_RUNS = 1  # one of it takes as long as ten of ours
PER_ENTRY_BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1)
_HERE = Path(__file__).parent

Runs: TypeAlias = dict[tuple[str, float], list[Run]]
"""By stream and `max_error`."""
Published: TypeAlias = dict[str, list[streams.Replay]]
"""Of each stream a replay of the per-entry rule at each of `PER_ENTRY_BOUNDS`, runs added up."""


def replayed(
    world: World, scores: Scores, runs: int, requests: int = REQUESTS, noise: float = 0.0
) -> Runs:
    """Every stream at every bound, in so many seeded runs."""
    found: defaultdict[tuple[str, float], list[Run]] = defaultdict(list)
    for seed in range(runs):
        for traffic in traffics(world, seed, requests):
            for bound in MAX_ERRORS:
                one = Bounded(world, scores, bound, seed, noise).run(traffic)
                found[traffic.name, bound].append(one)
        scores.keep()
    return dict(found)


def published(world: World, runs: int, requests: int = REQUESTS) -> Published:
    """The per-entry rule on the same streams."""
    found: Published = {}
    for seed in range(runs):
        for traffic in traffics(world, seed, requests):
            earlier = streams.Earlier(world.vectors[list(traffic.ids)], kept=64)
            labels = [world.labels[one] for one in traffic.ids]
            done = [
                streams.replay(labels, earlier, PerEntry(bound, seed)) for bound in PER_ENTRY_BOUNDS
            ]
            before = found.get(traffic.name, [streams.Replay(0, 0, 0)] * len(done))
            found[traffic.name] = [_added(*two) for two in zip(before, done, strict=True)]
    return found


def _added(one: streams.Replay, other: streams.Replay) -> streams.Replay:
    return streams.Replay(
        one.requests + other.requests, one.hits + other.hits, one.wrong + other.wrong
    )


def counted(world: World, scores: Scores) -> dict[str, tuple[list[int], list[int]]]:
    """`COUNTED`: right and wrong by bin, where everything is stored and nothing is served."""
    found = {}
    for source in SOURCES:
        ids = world.of(source)
        random.Random(HALVES).shuffle(ids)
        right, wrong = [0] * BINS, [0] * BINS
        earlier: set[int] = set()
        for asked in ids[:REQUESTS]:
            near = next((one for one in world.near[asked] if one[0] in earlier), None)
            earlier.add(asked)
            if near is None:
                continue
            score = scores(world.texts[asked], world.texts[near[0]], near[1])
            if score is not None:
                same = world.labels[asked] == world.labels[near[0]]
                (right if same else wrong)[bin_of(score)] += 1
        found[source] = (right, wrong)
    scores.keep()
    return found


def section(  # noqa: PLR0917 - a process of its own is given them in order
    judge: str, data: Path, out: Path, cache: Path, runs: int = RUNS, requests: int = REQUESTS
) -> str | None:
    """The part of RESULTS.md, with its plot in `out`/plots; None where there are no data."""
    found = worlds(data, cache)
    if found is None:
        return None
    row = named(judge)
    world, scores = found[1], Scores(row, cache)
    ours = replayed(world, scores, runs, requests)
    theirs = published(world, min(runs, PER_ENTRY_RUNS), requests)
    noisy = replayed(world, scores, runs, requests, NOISE)
    name = plots.bounds(ours, theirs, out / "plots")
    return "\n\n".join(
        [
            f"Judge: {row.name}; {runs} runs of {requests:,} requests on each stream.",
            report.bound_table(ours, theirs, PER_ENTRY_BOUNDS),
            f"![hits over wrong answers](plots/{name})",
            f"The same with {NOISE:.0%} of all comparisons telling the contrary:",
            report.bound_table(noisy),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.answers.bounded",
        description="Replay streams with max_error set; print the section of RESULTS.md.",
    )
    parser.add_argument("--judge", default=JUDGE, metavar="NAME=MODULE:ATTRIBUTE")
    parser.add_argument("--runs", type=int, default=RUNS, help="seeded runs of each stream")
    parser.add_argument("--data", type=Path, default=streams.DATA, help="folder of the streams")
    parser.add_argument("--out", type=Path, default=_HERE, help="folder of the plot")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of what was computed")
    parser.add_argument("--prior", action="store_true", help="print COUNTED of core/calibration.py")
    options = parser.parse_args(arguments)
    if not options.prior:
        told = section(options.judge, options.data, options.out, options.cache, runs=options.runs)
        print(told or f"There are no data in {options.data}.")
    elif (found := worlds(options.data, options.cache)) is not None:
        for source, (right, wrong) in counted(
            found[0], Scores(named(options.judge), options.cache)
        ).items():
            print(f'    "{source}": (\n        {tuple(right)},\n        {tuple(wrong)},\n    ),')
    else:
        parser.error(f"there are no data in {options.data}")


if __name__ == "__main__":
    main()
