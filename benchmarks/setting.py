"""What every group works with: sizes, questions, a directory, entries by the thousand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from benchmarks import questions
from cacheback import Answer, SemanticCache
from cacheback.core.scope import question_digest
from cacheback.embedders.minilm import MiniLM
from cacheback.embedders.minilm.model import shared
from cacheback.models import Draft
from cacheback.vectors import pack_rows

if TYPE_CHECKING:
    from cacheback.core.ports import Ids, Vector, Vectors

T = TypeVar("T")

# About as long as an assistant's answer to a customer's question.
ANSWER = Answer("You can do that in the app, under Settings, then Cards. " * 6)

# Entries beyond the encoded questions are written with vectors near one of those, at the cosine
# that two different questions to a bank have (BANKING77: .3 to .8, the nearest of 10,000 .85).
_ENCODED = 10_000
_NEAR = 0.6
_AT_ONCE = 1_000


@dataclass(frozen=True)
class Setting:
    """One run. `quick` is small in everything: it proves that the harness works, nothing else."""

    scratch: Path
    quick: bool

    def size(self, full: T, quick: T) -> T:
        return quick if self.quick else full

    @cached_property
    def source(self) -> tuple[str, list[str]]:
        """Where the questions are from, and all of them."""
        return questions.load()

    def asked(self, start: int, count: int) -> list[str]:
        """Questions that no other group asks, as long as groups ask for different places."""
        texts = self.source[1][_ENCODED:]
        return [texts[(start + i) % len(texts)] for i in range(count)]

    def stored(self, count: int) -> list[str]:
        """Questions for entries; none of them is ever `asked`."""
        return self.source[1][: min(count, _ENCODED)]

    @cached_property
    def _encoded(self) -> Vectors:
        return MiniLM().encode_batch(self.stored(self.size(_ENCODED, 200)))

    def fill(self, cache: SemanticCache, count: int) -> None:
        """Store `count` entries in the cache's own scope, and wait until they are indexed."""
        for start in range(0, count, _AT_ONCE):
            numbers = range(start, min(count, start + _AT_ONCE))
            cache.store.put(list(self._drafts(cache, numbers)))
        cache.lookup("Is everything loaded?")
        cache.catalog.settle()

    def _drafts(self, cache: SemanticCache, numbers: Sequence[int]) -> Iterator[Draft]:
        scope = cache.engine.parts.rules.place("", {}, day=str)
        now = cache.engine.parts.clock()
        texts, vectors = self.source[1], pack_rows(self._vectors(np.array(numbers)))
        encoded = len(self._encoded)
        for number, vector in zip(numbers, vectors, strict=True):
            text = texts[number % encoded]
            if number >= encoded:
                text = f"{text} My case is {number}."
            yield Draft(
                question=text,
                question_digest=question_digest(text),
                scope=scope,
                answer=ANSWER,
                created_at=now,
                expires_at=None,
                provenance="import",
                vector=vector,
            )

    def _vectors(self, numbers: Ids) -> Vectors:
        """The questions' own vectors, then others near them."""
        encoded = self._encoded
        vectors = encoded[numbers % len(encoded)]
        noise = np.random.default_rng(int(numbers[0])).standard_normal(vectors.shape)
        noise -= (noise * vectors).sum(axis=1, keepdims=True) * vectors
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        near = _NEAR * vectors + np.sqrt(1 - _NEAR**2) * noise
        made = (numbers >= len(encoded))[:, None]
        return np.where(made, near, vectors).astype(np.float32)


def encode(text: str) -> Vector:
    """The floor of everything that means: the model's tokenizer and session, and nothing else."""
    model = shared()
    return model.embed(model.tokenize(text))
