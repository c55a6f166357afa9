"""The contrast set: groups of a question, its paraphrases and its near-misses, read and checked.

One file per topic beside this module (`contrast/`), one text per line. `contrast/README.md` says
what the fields mean and how the set was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).with_name("contrast")

# Of a near-miss: in what its meaning differs from its group's question.
KINDS: Mapping[str, str] = {
    "entity": "another thing, person, product or place is meant",
    "number": "another amount, count or code",
    "unit": "another unit or currency",
    "negation": "with against without, is against is not",
    "antonym": "the opposite action or property",
    "direction": "from here to there against from there to here",
    "comparison": "more against less, the most against the least, what is compared with what",
    "time": "another day, period, tense or order of events",
    "scope": "a wider, narrower or other condition, place or group that it is about",
    "role": "who does it to whom",
    "version": "another language, version, edition or system",
    "wish": "what the asker wants is reversed",
    "quantifier": "all, some, only, none, each, at least, at most",
    "modality": "may, must, should, can, is it likely",
    "format": "the answer is wanted in another form",
    "aspect": "another property of the same thing is asked for",
}
QUESTION, PARAPHRASE = "question", "paraphrase"
LONG = 60  # words from which a question is called long

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Text:
    """One line. `kind` is `question`, `paraphrase` or one of `KINDS`; `style` how it is typed."""

    kind: str
    text: str
    style: Literal["plain", "typos", "keywords"] = "plain"

    @property
    def same(self) -> bool:
        """Whether the group's right answer is right for it."""
        return self.kind in (QUESTION, PARAPHRASE)


@dataclass(frozen=True)
class Group:
    """A question, and others that have the same right answer, or another one."""

    name: str
    topic: str
    split: Split
    question: str
    others: tuple[Text, ...]

    @cached_property
    def long(self) -> bool:
        return len(self.question.split()) >= LONG


@dataclass(frozen=True)
class Example:
    """What is judged: may the answer to `group.question` be served for `text`?"""

    group: Group
    text: Text

    @property
    def same(self) -> bool:
        return self.text.same


def load(folder: Path = FOLDER) -> list[Group]:
    """All groups, in the order of the files' names and lines.

    Raises:
        ValueError: a line or group is not as `contrast/README.md` says; the message names it.
    """
    return [group for file in sorted(folder.glob("*.jsonl")) for group in _groups(file)]


def examples(groups: list[Group]) -> list[Example]:
    """Each group's question beside each other text of the group."""
    return [Example(group, text) for group in groups for text in group.others]


def _groups(file: Path) -> Iterator[Group]:
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for name, members in groupby(lines, key=itemgetter("group")):
        rows = list(members)
        splits = {row["split"] for row in rows}
        texts = [
            Text(**{key: value for key, value in row.items() if key not in ("group", "split")})
            for row in rows
        ]
        first, *others = texts
        if first.kind != QUESTION or any(text.kind == QUESTION for text in others):
            raise ValueError(f"{file.name}: {name} does not begin with its one question")
        if unknown := {text.kind for text in others} - {PARAPHRASE, *KINDS}:
            raise ValueError(f"{file.name}: {name} has unknown kinds {sorted(unknown)}")
        if len(splits) != 1 or not splits < set(SPLITS):
            raise ValueError(f"{file.name}: {name} must be in one split, not {sorted(splits)}")
        yield Group(name, file.stem, splits.pop(), first.text, tuple(others))
