"""Real questions with one word swapped: for a synonym, an antonym or a sister word of WordNet."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TYPES = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}  # of a sense key
_SHORTEST, _OFTEN = 3, 6  # letters; taggings
_POS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
_NUMBER = re.compile(r"\b\d+\b")
_ORDINARY = {"be", "have", "do", "get", "make", "go", "can", "will", "need", "want", "know", "way",
             "thing", "person", "please", "time", "us", "may", "must", "like", "one", "two", "what",
             "when", "long", "much", "many", "just", "still", "really", "right"}  # fmt: skip


@dataclass(frozen=True)
class _Synset:
    words: list[str]
    links: Mapping[str, list[str]]  # pointer symbol → offsets of the same part of speech's synsets


class WordNet:
    """First senses only, of words that occur in the tagged texts behind WordNet.

    `related[word]` has synonyms (`same`), antonyms and sister words (`entity`) of a word that is
    mostly of one part of speech.
    """

    def __init__(self, folder: Path) -> None:
        self._counts = _counts(folder / "index.sense")
        self._first = {
            (parts[0], pos): parts[-int(parts[2])]
            for pos, name in _POS.items()
            for parts in map(str.split, _lines(folder / f"index.{name}"))
        }
        self._synsets = {
            (pos, line.split()[0]): _synset(line)
            for pos, name in _POS.items()
            for line in _lines(folder / f"data.{name}")
        }
        by_word: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for lemma, pos in self._first:
            if lemma.isalpha() and len(lemma) >= _SHORTEST and self._counts[lemma, pos]:
                by_word[lemma].append((self._counts[lemma, pos], pos))
        self.related = {
            lemma: self._relations(lemma, max(senses)[1])
            for lemma, senses in by_word.items()
            if lemma not in _ORDINARY and _mostly_one(sorted(senses, reverse=True))
        }

    def _relations(self, lemma: str, pos: str) -> dict[str, list[str]]:
        own = self._first[lemma, pos]
        links = self._synsets[pos, own].links
        sisters = [
            child
            for parent in links["@"]
            for child in self._synsets[pos, parent].links["~"]
            if child != own
        ]
        return {
            "same": self._common(pos, own, lemma),
            "antonym": [word for one in links["!"] for word in self._common(pos, one, lemma)],
            "entity": [word for one in sisters for word in self._common(pos, one, lemma)],
        }

    def _common(self, pos: str, offset: str, lemma: str) -> list[str]:
        """Words of a synset, other than `lemma`, that mean mostly this and are used often."""
        return [
            word
            for word in self._synsets[pos, offset].words
            if word != lemma
            and word.isalpha()
            and self._counts[word, pos] >= _OFTEN
            and self._first.get((word, pos)) == offset
        ]


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if not line.startswith(" ")]


def _counts(file: Path) -> dict[tuple[str, str], int]:
    """How often a word was tagged as a part of speech."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for line in file.read_text().splitlines():
        key, _, _, count = line.split()
        lemma, rest = key.split("%")
        counts[lemma, _TYPES[rest[0]]] += int(count)
    return counts


def _synset(line: str) -> _Synset:
    parts = line.split(" | ", maxsplit=1)[0].split()
    size = int(parts[3], 16)
    words = [re.sub(r"\(.*\)", "", parts[4 + 2 * number]).lower() for number in range(size)]
    at = 4 + 2 * size
    links: dict[str, list[str]] = defaultdict(list)
    for number in range(int(parts[at])):
        links[parts[at + 1 + 4 * number]].append(parts[at + 2 + 4 * number])
    return _Synset(words, links)


def _mostly_one(senses: list[tuple[int, str]]) -> bool:
    """Whether a word is of its first part of speech three times as often as of the next."""
    return len(senses) == 1 or senses[0][0] >= 3 * senses[1][0]


def swapped(text: str, how: str, net: WordNet, rng: random.Random) -> str | None:
    words = text.split()
    spots = [
        (i, options)
        for i, word in enumerate(words)
        if (options := net.related.get(word.strip("?.,!").lower(), {}).get(how))
    ]
    if not spots:
        return None
    i, options = rng.choice(spots)
    bare = words[i].strip("?.,!")
    words[i] = words[i].replace(bare, rng.choice(options))
    return " ".join(words)


def another_number(text: str, rng: random.Random) -> str | None:
    if not _NUMBER.search(text):
        return None
    return _NUMBER.sub(
        lambda found: str(int(found[0]) + rng.choice((1, 5, 10, 100))), text, count=1
    )


_NEGATIONS = (
    ("can i ", "can't i "), ("can i ", "can i not "), ("i want ", "i don't want "),
    ("should i ", "should i not "), ("i need ", "i don't need "), ("do i ", "don't i "),
    ("with ", "without "), ("is ", "is not "), ("will ", "won't "), ("i have ", "i have no "),
    ("how do i ", "how do i not "), ("can you ", "can't you "), ("does ", "doesn't "),
)  # fmt: skip


def negated(text: str, rng: random.Random) -> str | None:
    lowered = text.lower()
    options = [(a, b) for a, b in _NEGATIONS if a in lowered]
    if not options:
        return None
    old, new = rng.choice(options)
    at = lowered.index(old)
    return text[:at] + new + text[at + len(old) :]
