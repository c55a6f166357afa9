"""The replay behind `cacheback demo`: real questions, the real SDK, and a record of each call."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cacheback.models import Entry, Reason, Tier
from cacheback.testing import Call, Reply
from cacheback.wire.marks import Info, info

if TYPE_CHECKING:
    from cacheback.adapters.openai import CachedOpenAI

SYSTEM = "You are the help desk of a bank. Answer in two or three friendly sentences."

# Seconds until a provider answers a short question: the stand-in is as slow as the real thing.
_LATENCY = (0.25, 0.55)
_SEED = 77

# Cosine from which two questions sound alike to a person.
_NEAR = 0.85


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of the replay: how long it took (seconds), and what the cache did.

    `right` is None for upstream's own answers, and else whether the question that the answer was
    given to has the same intent. `cost` is what upstream charged, in US dollars.
    """

    question: str
    seconds: float
    told: Info
    source: str | None
    right: bool | None
    cost: float


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A call that was not served, the nearest question then, and whether their intents agree."""

    asked: Asked
    nearest: str
    same_intent: bool


def sample() -> list[tuple[str, str]]:
    """(question, intent) in the order of the replay; see demo_data/README.md for the licence."""
    text = (files("cacheback.cli") / "demo_data" / "banking77_sample.csv").read_text("utf-8")
    return [(row["text"], row["intent"]) for row in csv.DictReader(text.splitlines())]


def stand_in(intents: Mapping[str, str]) -> Callable[[Call], Reply]:
    """A script that answers each question by its intent, after a provider's latency."""
    dice = random.Random(_SEED)  # noqa: S311 - a latency is no secret

    def answer(call: Call) -> Reply:
        question = call.json["messages"][-1]["content"]
        topic = intents[question].replace("_", " ").rstrip("?")
        text = (
            f"Happy to help with {topic}. You find everything about it in the app under Help, and"
            " most cases are settled there within minutes. If yours is not, write to us from the"
            " same page, and a colleague will look into it today."
        )
        return Reply(text, delay=dice.uniform(*_LATENCY))

    return answer


def replay(
    client: CachedOpenAI, questions: Sequence[tuple[str, str]], model: str
) -> Iterator[Asked]:
    """Ask the questions one after the other."""
    intents = dict(questions)
    for question, intent in questions:
        messages: Any = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": question},
        ]
        begun = time.perf_counter()
        reply = client.chat.completions.create(model=model, messages=messages, temperature=0)
        seconds = time.perf_counter() - begun
        told = info(reply)
        if told is None:
            raise AssertionError("every answer of this client says what the cache did")
        entry = _entry(client, told)
        yield Asked(
            question=question,
            seconds=seconds,
            told=told,
            source=entry.question if entry else None,
            right=intents[entry.question] == intent if entry else None,
            cost=0.0 if told.hit else _cost(client, question),
        )


def near_misses(client: CachedOpenAI, calls: Sequence[Asked]) -> list[NearMiss]:
    """Calls that memory had something near for and did not serve: vetoed ones first."""
    near = [one for one in calls if (one.told.similarity or 0) >= _NEAR]
    near.sort(key=lambda one: (one.told.reason is Reason.BELOW_THRESHOLD, -_similarity(one)))
    intents = dict(sample())
    found = []
    for one in near:
        nearest = _nearest(client, one)
        if nearest is not None:
            same = intents[nearest] == intents[one.question]
            found.append(NearMiss(one, nearest, same_intent=same))
    return found


def _nearest(client: CachedOpenAI, asked: Asked) -> str | None:
    """The question that was nearest when this one was asked (only older entries count)."""
    own = next(one for one in client.cache.entries(text=asked.question))
    scope = client.cache.store.scope_parts(own.scope)
    near = [one.entry for one in client.cache.search(asked.question, 10, scope=scope)]
    return next((entry.question for entry in near if entry.id < own.id), None)


def _similarity(asked: Asked) -> float:
    return asked.told.similarity or 0.0


def percentile(seconds: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them does not exceed."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def of_tier(calls: Sequence[Asked], tier: Tier) -> list[Asked]:
    return [one for one in calls if one.told.tier is tier]


def _entry(client: CachedOpenAI, told: Info) -> Entry | None:
    if told.entry is None:
        return None
    return next(iter(client.cache.store.get([told.entry])), None)


def _cost(client: CachedOpenAI, question: str) -> float:
    for entry in client.cache.entries(text=question):
        usage = entry.answer.usage
        if entry.question == question and usage is not None:
            return usage.cost or 0.0
    return 0.0
