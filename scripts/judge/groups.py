"""Groups written by hand: meanings that are nearly the same, each in several wordings.

`groups/*.txt`: `Q` begins a group and its first meaning, `! kind` each further one (in what it
differs from the first), `= text` is a wording. Two wordings of a meaning have the same right
answer, wordings of two meanings of a group have not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, groupby
from pathlib import Path

_FOLDER = Path(__file__).with_name("groups")
_LATER, _HELD = "later", "held"  # folders: of the groups that came after, and of those left out
_HELD_OUT, _HELD_OUT_LATER = 12, 30  # of so many one is not trained on


@dataclass(frozen=True)
class Meaning:
    kind: str  # `question` for the first
    wordings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    source: str
    folder: str
    meanings: list[Meaning] = field(default_factory=list)


def load(folder: Path = _FOLDER) -> list[Group]:
    """All groups, in the order of the files' names and lines.

    Raises:
        ValueError: a line that is none of the four kinds, or stands before its group.
    """
    found: list[Group] = []
    folders = (folder, folder / _LATER, folder / _HELD)
    for file in (one for some in folders for one in sorted(some.glob("*.txt"))):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            mark, _, rest = line.strip().partition(" ")
            if mark == "Q":
                found.append(Group(file.stem, file.parent.name, [Meaning("question")]))
            elif mark == "!":
                found[-1].meanings.append(Meaning(rest.strip()))
            elif mark == "=":
                found[-1].meanings[-1].wordings.append(rest.strip())
            elif mark not in ("", "#"):
                raise ValueError(f"{file.name}:{number}: {line!r} begins with none of Q ! = #")
    return found


def split(every: list[Group]) -> tuple[list[Group], list[Group]]:
    """Groups to train on, and groups that are held out: for calibration, and to compare models."""
    first = [group for group in every if group.folder not in (_LATER, _HELD)]
    held = first[_HELD_OUT // 2 - 1 :: _HELD_OUT]
    held += [group for group in every if group.folder == _HELD]
    for _, some in groupby((one for one in every if one.folder == _LATER), key=_source):
        held += list(some)[_HELD_OUT_LATER // 2 - 1 :: _HELD_OUT_LATER]
    left_out = set(map(id, held))
    return [group for group in every if id(group) not in left_out], held


def _source(group: Group) -> str:
    return group.source


def same(group: Group) -> list[tuple[str, str]]:
    """All pairs of wordings of one meaning."""
    return [pair for meaning in group.meanings for pair in combinations(meaning.wordings, 2)]


def other(group: Group) -> Iterator[tuple[str, str, str]]:
    """All pairs of wordings of two meanings, and the kind of the later one."""
    for one, another in combinations(group.meanings, 2):
        for text in one.wordings:
            for also in another.wordings:
                yield text, also, another.kind


def by_kind(
    owners: Sequence[tuple[int, str]],
) -> tuple[list[tuple[int, int]], dict[str, list[tuple[int, int]]]]:
    """Pairs of texts by their numbers: the same ones, and the others by the kind of the later one.

    `owners` are the texts' meanings: which it is, and its kind.
    """
    alike: list[tuple[int, int]] = []
    unlike: dict[str, list[tuple[int, int]]] = {}
    for (first, one), (second, another) in combinations(enumerate(owners), 2):
        if one[0] == another[0]:
            alike.append((first, second))
        else:
            unlike.setdefault(another[1], []).append((first, second))
    return alike, unlike


def drawn(group: Group, rng: random.Random) -> list[tuple[str, str, bool, str]]:
    """All same pairs of a group, and as many others, drawn so that kinds come equally often."""
    pairs = [(*pair, True, "paraphrase") for pair in same(group)]
    by_kind: dict[str, list[tuple[str, str, str]]] = {}
    for found in other(group):
        by_kind.setdefault(found[2], []).append(found)
    for _ in range(len(pairs)):
        one, another, kind = rng.choice(by_kind[rng.choice(list(by_kind))])
        pairs.append((one, another, False, kind))
    return pairs
