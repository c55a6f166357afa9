"""The command: measure, print, write the table."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    client,
    exact,
    fresh,
    judging,
    large,
    proxy,
    semantic,
    synthesis,
    threads,
    writing,
)
from benchmarks.figure import Figure, line, table
from benchmarks.machine import describe
from benchmarks.setting import Setting

GROUPS: Mapping[str, Callable[[Setting], Iterator[Figure]]] = {
    "exact": exact.figures,
    "semantic": semantic.figures,
    "judging": judging.figures,
    "writing": writing.figures,
    "synthesis": synthesis.figures,
    "fresh": fresh.figures,
    "large": large.figures,
    "threads": threads.figures,
    "client": client.figures,
    "proxy": proxy.figures,
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    options = _options()
    begun, machine = datetime.now(UTC), describe()
    figures = []
    with tempfile.TemporaryDirectory(prefix="cacheback-bench-") as scratch:
        setting = Setting(Path(scratch), options.quick)
        for name in options.only or GROUPS:
            for figure in GROUPS[name](setting):
                print(line(figure), flush=True)
                figures.append(figure)
        facts = {"date": f"{begun:%Y-%m-%d %H:%M} UTC", "questions": setting.source[0], **machine}
    if options.json is not None:
        told = [{**asdict(figure), "met": figure.met} for figure in figures]
        options.json.write_text(json.dumps({"facts": facts, "figures": told}, indent=2) + "\n")
    if not (options.quick or options.only):
        RESULTS.write_text(_page(facts, figures), encoding="utf-8")
        print(f"\nwritten to {RESULTS}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure every promised figure beside its floor, in about ten minutes, and "
        "write the table into benchmarks/RESULTS.md.",
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=list(GROUPS),
        metavar="NAME",
        help=f"one group ({', '.join(GROUPS)}); may be repeated; writes no table",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a minute on small sizes, to see that it all works: the figures mean nothing",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser.parse_args()


def _page(facts: Mapping[str, str], figures: list[Figure]) -> str:
    machine = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return f"""# Measured figures

Written by `make bench`. How each figure is measured, and what stands behind one that misses its
goal, is in [README.md](README.md). Figures of single calls are medians; a ratio is the median over
pairs of one call and its floor, made at the same moment.

{machine}

{table(figures)}
"""


if __name__ == "__main__":
    main()
