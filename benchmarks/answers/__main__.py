"""The command: measure every row on the contrast set and the streams, write tables and plots."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.answers import bounded, plots, replayed, report, streams
from benchmarks.answers.contrast import KINDS, SPLITS, Example, Group, examples, load
from benchmarks.answers.measured import Asked, Contrast, measure
from benchmarks.answers.rows import REGRESSION, SHORTCUT, UNGATED, rows
from benchmarks.answers.scoring import auc
from benchmarks.answers.shortcuts import SHORTCUTS
from benchmarks.answers.vectors import CACHE, encode

_HERE = Path(__file__).parent
_PROCESSES = 2  # the streams and the bound take most of the time; the contrast set waits for none


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options().parse_args(arguments)
    judges = rows(options.judge)
    groups = load()[:: 8 if options.quick else 1]
    asked = _asked(examples(groups), options.cache)
    # Not forked: threads and models of this process are not theirs.
    with ProcessPoolExecutor(_PROCESSES, get_context("spawn")) as pool:
        asked_for = (1, 300) if options.quick else (options.runs, bounded.REQUESTS)
        bounding = pool.submit(
            bounded.section, bounded.JUDGE, options.data, options.out, options.cache, *asked_for
        )
        requests = 300 if options.quick else streams.REQUESTS
        replaying = {
            stream.name: pool.submit(replayed.run_all, options.judge, stream, options.cache)
            for stream in streams.load(options.data, requests)
        }
        contrasts = [measure(row, asked) for row in [*judges, UNGATED, REGRESSION, SHORTCUT]]
        replays = {name: one.result() for name, one in replaying.items()}
        bound = bounding.result()
    sections = [("The table", report.main_table(contrasts, replays))]
    sections += _contrast(contrasts, asked, options.out / "plots")
    if replays:
        name = plots.stream_curves(replays, options.out / "plots")
        body = f"{report.stream_table(replays)}\n\n![hits over wrong answers](plots/{name})"
        sections.append(("Streams", body))
    else:
        body = f"Left out: there are no data in `{options.data}`."
        sections.append(("Streams", body))
    sections.append(("The error bound", bound or body))
    written = report.page(_facts(groups, asked, replays), sections)
    print(written)
    (options.out / "RESULTS.md").write_text(written, encoding="utf-8")


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.answers",
        description="Measure how right the answers are, in about four minutes; write RESULTS.md "
        "and plots/ into a folder.",
    )
    parser.add_argument(
        "--judge",
        action="append",
        default=[],
        metavar="NAME=MODULE:ATTRIBUTE",
        help="also measure this judge (an object, or what makes one); may be repeated",
    )
    parser.add_argument("--data", type=Path, default=streams.DATA, help="folder of the streams")
    parser.add_argument(
        "--runs", type=int, default=bounded.RUNS, help="seeded runs of each stream under a bound"
    )
    parser.add_argument("--out", type=Path, default=_HERE, help="folder of the results")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of computed vectors")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="an eighth of the groups and 300 requests: it works, the figures mean nothing",
    )
    return parser


def _asked(every: Sequence[Example], cache: Path) -> Asked:
    questions = [one.group.question for one in every]
    others = [one.text.text for one in every]
    texts = {text: row for row, text in enumerate(dict.fromkeys([*questions, *others]))}
    vectors = encode(list(texts), cache)
    return Asked.of(
        every,
        vectors[[texts[text] for text in questions]],
        vectors[[texts[text] for text in others]],
    )


def _contrast(contrasts: Sequence[Contrast], asked: Asked, folder: Path) -> list[tuple[str, str]]:
    points = [point for row in contrasts for point in row.own]
    curves = plots.contrast_curves(contrasts, asked, folder)
    by_kind = plots.kinds(points, folder)
    ranking = report.ranking_table(contrasts)
    return [
        (
            "Contrast: thresholds chosen on dev",
            f"{ranking}\n\n![paraphrases over near-misses](plots/{curves})",
        ),
        (
            "Contrast: by kind and length",
            f"{report.kind_table(points)}\n\n![near-misses by kind](plots/{by_kind})",
        ),
        ("Contrast: by cosine", report.band_table(contrasts)),
        ("Contrast: what looks at no meaning", report.shortcut_table(shortcut_aucs(asked))),
    ]


def shortcut_aucs(asked: Asked) -> dict[str, Mapping[str, float]]:
    """AUC of each shortcut: over all pairs, by length, by split, and of each kind's near-misses."""
    same, long = asked.same, asked.long
    everything = np.ones_like(same)
    parts = {"everything": everything, "short": ~long, "long": long}
    parts |= {split: asked.split(split) for split in SPLITS}
    parts |= {kind: asked.kind(kind) | same for kind in KINDS}
    scores = {
        name: np.array([float(shortcut(pair.question, pair.other)) for pair in asked.pairs])
        for name, shortcut in SHORTCUTS.items()
    }
    return {
        part: {name: auc(values[among], same[among]) for name, values in scores.items()}
        for part, among in parts.items()
    }


def _facts(
    groups: Sequence[Group], asked: Asked, replays: Mapping[str, Sequence[replayed.Streamed]]
) -> list[str]:
    same = asked.same
    topics = len({group.topic for group in groups})
    long = sum(group.long for group in groups)
    counted = (
        f"contrast set: {len(groups)} groups over {topics} topics ({long} of long questions), "
        f"{same.sum()} paraphrases, {(~same).sum()} near-misses"
    )
    told = [counted]
    for name, rows_ in replays.items():
        told.append(f"{name}: {next(iter(rows_[0].own.values())).requests:,} requests")
    return told


if __name__ == "__main__":
    main()
