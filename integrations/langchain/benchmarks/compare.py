"""The same questions through three caches of LangChain: what they serve, and what is wrong of it.

    python benchmarks/compare.py

Prints the table of this folder's README. The questions are those of `cacheback demo`: real ones of
a bank's customers (BANKING77, CC BY 4.0), of which several mean the same. An answer is wrong when
it was given to a question of another intent, to another model or under another system prompt.
"""

from __future__ import annotations

import csv
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
from langchain_core.caches import BaseCache, InMemoryCache
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.outputs import Generation
from langchain_openai import ChatOpenAI

from cacheback.testing import Call, ScriptedUpstream
from langchain_cacheback import CachebackCache, CachebackEmbeddings


@dataclass(frozen=True)
class Setting:
    """Who is asked: the questions go to the system prompts and models in turn."""

    name: str
    systems: tuple[str, ...] = ("",)
    models: tuple[str, ...] = ("small",)


SETTINGS = (
    Setting("the question alone"),
    Setting("two models in turn", models=("small", "large")),
    Setting(
        "a system prompt", ("You are the help desk of a bank. Answer in two friendly sentences.",)
    ),
    Setting(
        "two system prompts in turn",
        (
            "You are the help desk of a bank. Answer in two friendly sentences.",
            "You are the help desk of a bank. Answer in one word.",
        ),
    ),
)


class NearestPrompt(BaseCache):
    """What langchain-redis documents of its `RedisSemanticCache`, without Redis.

    The prompt as LangChain dumps it is embedded; the nearest of all prompts within a cosine
    distance of 0.2 is taken; it answers if its model's configuration is the same.
    """

    def __init__(self) -> None:
        self._embeddings = CachebackEmbeddings()
        self._vectors = np.empty((0, 384), dtype=np.float32)
        self._entries: list[tuple[str, Sequence[Generation]]] = []

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        if not self._entries:
            return None
        cosines = self._vectors @ np.asarray(self._embeddings.embed_query(prompt))
        nearest = int(cosines.argmax())
        configured, answer = self._entries[nearest]
        near = 1 - cosines[nearest] <= 0.2
        return list(answer) if near and configured == llm_string else None

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        vector = np.asarray([self._embeddings.embed_query(prompt)], dtype=np.float32)
        self._vectors = np.vstack([self._vectors, vector])
        self._entries.append((llm_string, return_val))

    def clear(self, **_: Any) -> None:
        self.__init__()  # type: ignore[misc]


CACHES: dict[str, Callable[[], BaseCache]] = {
    "InMemoryCache": InMemoryCache,
    "langchain-redis's rule": NearestPrompt,
    "CachebackCache": lambda: CachebackCache(cache_dir=":memory:"),
}


@dataclass
class Score:
    """What one cache did with a stream of questions; times in seconds."""

    asked: int = 0
    served: int = 0
    wrong: int = 0
    hits: list[float] = field(default_factory=list)

    def row(self, name: str) -> str:
        """A line of the table."""
        share = f"{self.served / self.asked:.0%}"
        wrong = f"{self.wrong} ({self.wrong / self.served:.0%})" if self.served else "0"
        took = [f"{1e3 * value:.2f} ms" for value in _quantiles(self.hits)]
        return f"| {name} | {share} | {wrong} | {' | '.join(took)} |"


def questions() -> list[tuple[str, str]]:
    """(question, intent), in the order in which they are asked."""
    text = (files("cacheback.cli") / "demo_data" / "banking77_sample.csv").read_text("utf-8")
    return [(row["text"], row["intent"]) for row in csv.DictReader(text.splitlines())]


def compare(stream: Sequence[tuple[str, str]], setting: Setting) -> dict[str, Score]:
    """What each cache does with the stream."""
    return {name: _score(make(), stream, setting) for name, make in CACHES.items()}


def _score(cache: BaseCache, stream: Sequence[tuple[str, str]], setting: Setting) -> Score:
    score = Score()
    turns = [(system, model) for system in setting.systems for model in setting.models]
    with _provider(dict(stream)) as upstream:
        models = {
            model: ChatOpenAI(model=model, api_key="k", base_url=upstream.openai_url, cache=cache)  # type: ignore[arg-type]
            for model in setting.models
        }
        for number, (question, intent) in enumerate(stream):
            system, model = turns[number % len(turns)]
            messages = [*([SystemMessage(system)] if system else []), HumanMessage(question)]
            calls, begun = upstream.calls, time.perf_counter()
            answer = models[model].invoke(messages).text
            took = time.perf_counter() - begun
            score.asked += 1
            if upstream.calls == calls:
                score.served += 1
                score.hits.append(took)
                score.wrong += str(answer) != _answer(intent, system, model)
    return score


@contextmanager
def _provider(intents: dict[str, str]) -> Iterator[ScriptedUpstream]:
    """Answers each question by its intent and by who was asked."""

    def answer(call: Call) -> str:
        *systems, question = (message["content"] for message in call.json["messages"])
        return _answer(intents[question], "".join(systems), call.json["model"])

    with ScriptedUpstream(answer) as upstream:
        yield upstream


def _answer(intent: str, system: str, model: str) -> str:
    return json.dumps({"about": intent, "told": system, "by": model})


def _quantiles(times: list[float]) -> tuple[float, float]:
    if len(times) < 2:
        return (0.0, 0.0)
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


def main() -> None:
    """Print the table."""
    stream = questions()
    print("| asked | cache | served | wrong of these | hit p50 | hit p99 |")
    print("|---|---|---|---|---|---|")
    for setting in SETTINGS:
        for name, score in compare(stream, setting).items():
            print(f"| {setting.name} {score.row(name)}")


if __name__ == "__main__":
    main()
