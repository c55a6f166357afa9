"""The cases, the rules that are compared, and the table of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cacheback.core.negative import LENIENCY, contained, contradicts, score

if TYPE_CHECKING:
    from cacheback.core.ports import Embedder

BAR = 0.85
PARTS = ("tune", "report")
SHIPPED = "as shipped: cosine raised by shared words, and guards"


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and whether the pattern is to block it; `similarity` is their cosine."""

    part: str
    pattern: str
    question: str
    wanted: bool
    similarity: float = 0.0


Rule = Callable[[Case], bool]


def _guarded(case: Case) -> bool:
    return not contradicts(case.question, case.pattern)


def _all_or_nothing(case: Case) -> float:
    raised = LENIENCY if contained(case.question, case.pattern) == 1 else 0.0
    return case.similarity + raised


RULES: Mapping[str, Rule] = {
    "cosine ≥ 0.85": lambda case: case.similarity >= BAR,
    "cosine ≥ 0.80": lambda case: case.similarity >= 0.80,
    "cosine ≥ 0.85, and guards": lambda case: case.similarity >= BAR and _guarded(case),
    "raised only where all words are shared": lambda case: (
        _all_or_nothing(case) >= BAR and _guarded(case)
    ),
    SHIPPED: lambda case: (
        score(case.question, case.pattern, case.similarity) >= BAR and _guarded(case)
    ),
}


def load() -> list[Case]:
    """The cases of `cases.txt`, without similarities."""
    cases, part, pattern = [], "", ""
    for line in Path(__file__).with_name("cases.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            part = line.strip("[]")
        elif line.startswith(("+ ", "- ")):
            cases.append(Case(part, pattern, line[2:], line.startswith("+")))
        elif line and not line.startswith("#"):
            pattern = line
    return cases


def measured(cases: Sequence[Case], embedder: Embedder) -> list[Case]:
    """The cases with their cosines."""
    vectors = {case.pattern: embedder.encode(case.pattern) for case in cases}
    return [
        replace(case, similarity=float(embedder.encode(case.question) @ vectors[case.pattern]))
        for case in cases
    ]


def wrong(cases: Sequence[Case], rule: Rule) -> list[Case]:
    """The cases that a rule decides otherwise than a person."""
    return [case for case in cases if rule(case) != case.wanted]


def table(cases: Sequence[Case]) -> str:
    """Per rule and part: how many of those to be caught were, and how many others, too."""
    titles = [f"{part}: {what}" for part in PARTS for what in ("caught", "wrongly")]
    lines = [f"| rule | {' | '.join(titles)} |", f"|---|{'---|' * len(titles)}"]
    for name, rule in RULES.items():
        figures = []
        for part in PARTS:
            some = [case for case in cases if case.part == part]
            for wanted in (True, False):
                of_them = [case for case in some if case.wanted == wanted]
                figures.append(f"{sum(map(rule, of_them))} of {len(of_them)}")
        lines.append(f"| {name} | {' | '.join(figures)} |")
    return "\n".join(lines)
