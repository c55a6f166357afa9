"""Questions to measure with: real ones where they are at hand, else made from the demo's sample."""

from __future__ import annotations

import csv
import itertools
import random
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_DATA = _ROOT.parent / "shared" / "data"
_SAMPLE = _ROOT / "cacheback" / "cli" / "demo_data" / "banking77_sample.csv"

# 12 times 12 variants of about 90 questions: as many as BANKING77 has.
_OPENINGS = (
    "",
    "Hello! ",
    "Hi there, ",
    "Sorry to bother you. ",
    "Quick one: ",
    "I am new here. ",
    "My app was updated. ",
    "I live abroad. ",
    "I travel a lot. ",
    "It is a joint account. ",
    "I moved house. ",
    "My phone was replaced. ",
)
_CLOSINGS = (
    "",
    " Thank you.",
    " Please help.",
    " I could not find it.",
    " I asked before.",
    " It is urgent.",
    " My branch did not know.",
    " The app does not say.",
    " Any idea?",
    " I read the manual.",
    " I use it daily.",
    " My friend wonders, too.",
)


def load() -> tuple[str, list[str]]:
    """Where the questions are from, and at least 11,000 different ones in a fixed random order."""
    if (_DATA / "banking77_train.csv").exists():
        source = "BANKING77"
        texts = [*_read(_DATA / "banking77_train.csv"), *_read(_DATA / "banking77_test.csv")]
    else:
        source = "variants of the demo's sample of BANKING77"
        texts = _variants(_read(_SAMPLE))
    unique = list(dict.fromkeys(texts))
    random.Random(1).shuffle(unique)
    return source, unique


def _read(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"].strip() for row in csv.DictReader(file)]


def _variants(texts: list[str]) -> list[str]:
    """Every question with every opening and every closing."""
    every = itertools.product(_OPENINGS, texts, _CLOSINGS)
    return [f"{opening}{text}{closing}" for opening, text, closing in every]
