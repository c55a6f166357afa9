"""What is trained on beside the groups written by hand: pairs that are made, and other groups.

BANKING77's labels are not read (its texts are swapped word by word), so that its stream stays a
test; of CLINC150 only intents whose questions all have one answer give same pairs.
"""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import frames
import longer
import swaps
from groups import Group, Meaning
from styles import neutral, styled

_ONE_ANSWER = set(
    "what_is_your_name are_you_a_bot who_made_you how_old_are_you where_are_you_from "
    "what_are_your_hobbies do_you_have_pets meaning_of_life fun_fact flip_coin roll_dice "
    "what_can_i_ask_you who_do_you_work_for improve_credit_score credit_score report_lost_card "
    "pin_change damaged_card replacement_card_duration direct_deposit pto_request_status "
    "pto_balance pto_used payday taxes w2 insurance insurance_change rollover_401k next_holiday "
    "jump_start oil_change_how oil_change_when tire_pressure tire_change gas mpg gas_type "
    "last_maintenance find_phone reset_settings sync_device lost_luggage cancel user_name "
    "whisper_mode card_declined credit_limit_change new_card application_status "
    "international_fees expiration_date min_payment order_checks rewards_balance apr "
    "account_blocked freeze_account report_fraud uber schedule_maintenance "
    "change_user_name change_ai_name tell_joke".split()
)


@dataclass(frozen=True)
class Pair:
    one: str
    other: str
    same: bool


def from_frames(count: int, rng: random.Random) -> Iterator[Pair]:
    every = frames.load()
    weights = [len(frame.asks) ** 0.5 for frame in every]
    for number in range(count):
        same = number % 2 == 0
        frame = rng.choices(every, weights)[0]
        one, other = frames.pair(frame, rng, same=same)
        if not same and one == other:
            continue
        one, other = _styled_both(one, other, rng)
        yield Pair(one, other, same)


def from_long(count: int, rng: random.Random) -> Iterator[Pair]:
    every, (facts, said) = frames.load(), longer.load()
    for number in range(count):
        same = number % 2 == 0
        one, other = longer.pair(every, facts, said, rng, same=same)
        if same or one != other:
            yield Pair(one, other, same)


def from_swaps(
    texts: list[str], net: swaps.WordNet, count: int, rng: random.Random
) -> Iterator[Pair]:
    for number in range(count):
        text, same = rng.choice(texts), number % 2 == 0
        other: str | None = text
        if not same:
            kind = rng.choice(("antonym", "entity", "entity", "negation", "number", "number"))
            if kind == "negation":
                other = swaps.negated(text, rng)
            elif kind == "number":
                other = swaps.another_number(text, rng)
            else:
                other = swaps.swapped(text, kind, net, rng)
        if other is None or (same and rng.random() < 0.5):  # about as many of either
            continue
        if same and rng.random() < 0.25:
            other = swaps.swapped(other, "same", net, rng) or neutral(other, rng)
        elif rng.random() < (0.9 if same else 0.3):
            other = neutral(other, rng)
        one, other = _styled_both(text, other, rng)
        yield Pair(one, other, same)


class Intents:
    """CLINC150 as groups: questions of an intent that has one answer, and near ones of others."""

    def __init__(self, file: Path) -> None:
        self._by_intent: dict[str, list[str]] = defaultdict(list)
        for text, intent in json.loads(file.read_text(encoding="utf-8"))["train"]:
            self._by_intent[intent].append(text)
        self._chosen = sorted(_ONE_ANSWER & set(self._by_intent))
        self._words = {
            text: set(text.split()) for texts in self._by_intent.values() for text in texts
        }
        self._every = [(text, name) for name, texts in self._by_intent.items() for text in texts]

    def group(self, rng: random.Random) -> Group:
        """Four questions of one intent; four of others, each one of many by words in common."""
        intent = rng.choice(self._chosen)
        texts = rng.sample(self._by_intent[intent], 4)
        meanings = [Meaning("question", texts)]
        for _ in range(4):
            others = [text for text, name in rng.sample(self._every, 300) if name != intent]
            beside = self._words[rng.choice(texts)]
            near = max(others, key=lambda text: _common(beside, self._words[text]))
            meanings.append(Meaning("aspect", [near]))
        return Group("clinc", "", meanings)


def _common(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


def from_contrast(files: Iterable[Path]) -> list[Group]:
    """The contrast set's groups to train on."""
    found: dict[str, list[Meaning]] = {}
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["split"] != "train":
                continue
            meanings = found.setdefault(row["group"], [Meaning("question")])
            if row["kind"] in {"question", "paraphrase"}:
                meanings[0].wordings.append(row["text"])
            else:
                meanings.append(Meaning(row["kind"], [row["text"]]))
    return [Group("contrast", "", meanings) for meanings in found.values()]


def _styled_both(one: str, other: str, rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.3:
        return one, other
    if rng.random() < 0.5:
        return one, styled(other, rng)
    return styled(one, rng), styled(other, rng)


def made(data: Path, net: Path) -> Mapping[str, list[Pair]]:
    """Pairs that are made, by how: each with a random order of its own."""
    with (data / "banking77_train.csv").open(encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    clinc = (data / "clinc150_full.json").read_text(encoding="utf-8")
    texts += [text for text, _ in json.loads(clinc)["train"]]
    return {
        "frames": list(from_frames(10_000, random.Random(77))),
        "long": list(from_long(1_200, random.Random(2))),
        "swaps": list(from_swaps(texts, swaps.WordNet(net), 4_000, random.Random(3))),
    }
