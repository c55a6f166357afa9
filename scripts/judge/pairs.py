"""All training pairs, from every source, in one seeded order.

BANKING77's labels are not read (its texts are swapped word by word), so that its stream stays a
test; of CLINC150 only intents whose questions all have one answer give same pairs.
"""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import frames
import longer
import swaps
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
    kind: str
    source: str


def from_frames(count: int, rng: random.Random) -> Iterator[Pair]:
    every = frames.load()
    weights = [len(frame.asks) ** 0.5 for frame in every]
    for number in range(count):
        same = number % 2 == 0
        frame = rng.choices(every, weights)[0]
        one, other, kind = frames.pair(frame, rng, same=same)
        if not same and one == other:
            continue
        one, other = _styled_both(one, other, rng)
        yield Pair(one, other, same, kind, "frames")


def from_long(count: int, rng: random.Random) -> Iterator[Pair]:
    every, (facts, said) = frames.load(), longer.load()
    for number in range(count):
        same = number % 2 == 0
        one, other, kind = longer.pair(every, facts, said, rng, same=same)
        if same or one != other:
            yield Pair(one, other, same, kind, "long")


def from_swaps(
    texts: list[str], net: swaps.WordNet, count: int, rng: random.Random
) -> Iterator[Pair]:
    for number in range(count):
        text, same = rng.choice(texts), number % 2 == 0
        other: str | None = text
        kind = "paraphrase"
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
        yield Pair(one, other, same, kind, "swaps")


def from_clinc(file: Path, count: int, rng: random.Random) -> Iterator[Pair]:
    by_intent: dict[str, list[str]] = defaultdict(list)
    for text, intent in json.loads(file.read_text())["train"]:
        by_intent[intent].append(text)
    chosen = sorted(_ONE_ANSWER & set(by_intent))
    words = {text: set(text.split()) for texts in by_intent.values() for text in texts}
    everything = [(text, intent) for intent, texts in by_intent.items() for text in texts]
    for number in range(count):
        intent = rng.choice(chosen)
        one = rng.choice(by_intent[intent])
        if number % 2 == 0:
            yield Pair(one, rng.choice(by_intent[intent]), True, "paraphrase", "clinc")
        else:  # of many others the one with the most words in common
            others = [pick for pick in rng.sample(everything, 400) if pick[1] != intent]
            other = max(
                others,
                key=lambda pick: (
                    len(words[one] & words[pick[0]]) / len(words[pick[0]] | words[one])
                ),
            )
            yield Pair(one, other[0], False, "aspect", "clinc")


def from_contrast(files: Iterable[Path], rounds: int, rng: random.Random) -> Iterator[Pair]:
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for file in files:
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if row["split"] == "train":
                groups[row["group"]].append(row)
    for turn in range(rounds):
        for rows in groups.values():
            alike = [row["text"] for row in rows if row["kind"] in ("question", "paraphrase")]
            unlike = [row for row in rows if row["kind"] not in ("question", "paraphrase")]
            pool = [
                Pair(a, b, True, "paraphrase", "contrast")
                for i, a in enumerate(alike)
                for b in alike[i + 1 :]
            ]
            misses = [
                Pair(a, row["text"], False, row["kind"], "contrast")
                for a in alike
                for row in unlike
            ]
            pool += rng.sample(misses, min(len(misses), max(1, len(pool))))
            for pair in pool:
                a, b = pair.one, pair.other
                if turn:
                    a, b = _styled_both(a, b, rng)
                if rng.random() < 0.5:
                    a, b = b, a
                yield Pair(a, b, pair.same, pair.kind, "contrast")


def _styled_both(one: str, other: str, rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.3:
        return one, other
    if rng.random() < 0.5:
        return one, styled(other, rng)
    return styled(one, rng), styled(other, rng)


def sources(data: Path, net: Path, contrast: Path) -> Mapping[str, Callable[[], Iterator[Pair]]]:
    """Where pairs come from, each with a random order of its own."""
    clinc = data / "clinc150_full.json"

    def texts() -> list[str]:
        with (data / "banking77_train.csv").open(encoding="utf-8") as file:
            banking = [row["text"] for row in csv.DictReader(file)]
        return banking + [text for text, _ in json.loads(clinc.read_text())["train"]]

    return {
        "frames": lambda: from_frames(10_000, random.Random(77)),
        "long": lambda: from_long(1_200, random.Random(2)),
        "swaps": lambda: from_swaps(texts(), swaps.WordNet(net), 4_000, random.Random(3)),
        "clinc": lambda: from_clinc(clinc, 4_000, random.Random(4)),
        "contrast": lambda: from_contrast(sorted(contrast.glob("*.jsonl")), 3, random.Random(5)),
    }
