"""Make the sample of real questions that `cacheback demo` replays.

    python scripts/sample_questions.py DIRECTORY

DIRECTORY holds banking77_train.csv and banking77_test.csv (columns text,category) of BANKING77,
https://github.com/PolyAI-LDN/task-specific-datasets. The same files, the same model and the same
seed give the same sample.

The sample shows every tier; it measures nothing. Each story below begins with a question, and goes
on with others of the same intent (paraphrases near enough to be served, and one that is not), with
repeats, and with a question that sounds alike but wants something else. These pairs were chosen by
reading, because many neighbours of different intent in the data do want the same answer. The data
also holds pairs that the judge does not tell apart; how often that happens is for a benchmark to
say.
"""

from __future__ import annotations

import csv
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cacheback.embedders.registry import make_embedder

if TYPE_CHECKING:
    import numpy as np

SEED = 77
OUTPUT = Path(__file__).parent.parent / "cacheback" / "cli" / "demo_data" / "banking77_sample.csv"

NEAR = 0.92  # from here on, a paraphrase is served almost always
ALIKE = 0.85  # from here on, two questions sound alike
SAME = 0.985  # beyond, only spelling differs
LONGEST = 90  # characters that a table in a terminal can show

STORIES = [
    ("What is the top-up limit?", "What is the auto top-up limit?"),
    (
        "The app is showing a payment I never made.",
        "The app is showing a direct debit payment that I never made",
    ),
    ("My card was stolen. What do I need to do?", "My card info was stolen, what do I do?"),
    (
        "I made a bank transfer and the balance hasn't updated yet.",
        "I made a deposit and the balance hasn't been updated.",
    ),
    (
        "I purchased something abroad, and the exchange rate that was applied was wrong.",
        "I took out cash abroad and the exchange rate isn't correct.",
    ),
    (
        "I was charged a fee when buying stuff with my card.",
        "I used my card to get cash then I was charged a fee that I shouldn't have been charged.",
    ),
    ("Can i have a virtual card?", "can I have a non virtual card?"),
    ("Where do i find my PIN?", "Where do I go to change my PIN?"),
    (
        "How do I request a refund?",
        "I requested a refund, and never received it. What can I do?",
    ),
    ("My physical card is not working", "My non-physical card will not work"),
    ("Must I verify my identity?", "Can I verify my identity?"),
    ("I can't transfer money from my account.", "I cant transfer money into my account"),
]

# Intents that stand for themselves; the question with the most paraphrases begins.
ALONE = [
    "age_limit",
    "card_swallowed",
    "country_support",
    "lost_or_stolen_phone",
    "passcode_forgotten",
    "terminate_account",
]


@dataclass(frozen=True)
class Questions:
    """Texts with their intents; `nearness` is the cosine of each pair, shape (n, n), float32."""

    texts: list[str]
    intents: list[str]
    nearness: np.ndarray

    def alike(self, index: int, low: float, high: float) -> list[int]:
        """Questions of the same intent whose cosine is in [low, high), in other words."""
        return [
            other
            for other, cosine in enumerate(self.nearness[index])
            if low <= cosine < high
            and self.intents[other] == self.intents[index]
            and len(words(self.texts[index]) ^ words(self.texts[other])) > 1
        ]


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9']+", text.lower()))


def read(directory: Path) -> dict[str, str]:
    """Text → intent of every question that fits on a line, training set first."""
    found: dict[str, str] = {}
    for name in ("banking77_train.csv", "banking77_test.csv"):
        with (directory / name).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["text"].strip(), row["category"])
    return {text: it for text, it in found.items() if len(text) <= LONGEST and "\n" not in text}


def questions(everything: dict[str, str]) -> Questions:
    """The questions of the intents that the stories tell of."""
    wanted = {everything[text] for story in STORIES for text in story} | set(ALONE)
    texts = [text for text, intent in everything.items() if intent in wanted]
    vectors = make_embedder("minilm").encode_batch(texts)
    return Questions(texts, [everything[text] for text in texts], vectors @ vectors.T)


def paraphrases(known: Questions, index: int, chance: random.Random) -> Iterator[int]:
    """At most two that are near enough to be served, and one that is not."""
    near = known.alike(index, NEAR, SAME)
    yield from chance.sample(near, min(2, len(near)))
    far = known.alike(index, ALIKE, NEAR)
    yield from chance.sample(far, min(1, len(far)))


def story(known: Questions, first: str, other: str, chance: random.Random) -> list[int]:
    """First, paraphrased, what sounds alike, and both again."""
    one, two = known.texts.index(first), known.texts.index(other)
    if known.intents[one] == known.intents[two] or known.nearness[one, two] < ALIKE:
        raise ValueError(f"not alike with another intent: {first!r} and {other!r}")
    here, there = list(paraphrases(known, one, chance)), list(paraphrases(known, two, chance))
    return [one, *here[:1], two, one, *there[:1], two, *here[1:], *there[1:2]]


def alone(known: Questions, intent: str, chance: random.Random) -> list[int]:
    indexes = [i for i, it in enumerate(known.intents) if it == intent]
    first = max(indexes, key=lambda i: len(known.alike(i, NEAR, SAME)))
    near, *more = paraphrases(known, first, chance)
    return [first, near, first, *more]


def mixed(stories: list[list[int]], chance: random.Random) -> Iterator[int]:
    """All stories at once, as different people would ask, each in its own order."""
    turns = [number for number, told in enumerate(stories) for _ in told]
    chance.shuffle(turns)
    rest = [iter(told) for told in stories]
    for number in turns:
        yield next(rest[number])


def outcome(known: Questions, order: list[int]) -> str:
    """What cosine alone would do with the sample, for whoever changes it."""
    counts = {"exact": 0, "near": 0, "near, other intent": 0, "alike, other intent": 0, "new": 0}
    for position, index in enumerate(order):
        earlier = order[:position]
        best = max(earlier, key=lambda one: known.nearness[index, one], default=None)
        if best is None or known.nearness[index, best] < ALIKE:
            counts["new"] += 1
            continue
        same = known.intents[best] == known.intents[index]
        if best == index:
            counts["exact"] += 1
        elif known.nearness[index, best] >= NEAR:
            counts["near" if same else "near, other intent"] += 1
        else:
            counts["new" if same else "alike, other intent"] += 1
    return ", ".join(f"{name}: {count}" for name, count in counts.items())


def main(directory: Path) -> None:
    chance = random.Random(SEED)
    known = questions(read(directory))
    told = [story(known, first, other, chance) for first, other in STORIES]
    told += [alone(known, intent, chance) for intent in ALONE]
    order = list(mixed(told, chance))
    OUTPUT.parent.mkdir(exist_ok=True)
    with OUTPUT.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "intent"])
        writer.writerows((known.texts[index], known.intents[index]) for index in order)
    print(f"{len(order)} rows ({outcome(known, order)}) → {OUTPUT}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
