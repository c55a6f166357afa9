"""A part fails while a client is used: the answer still arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cacheback import CachedOpenAI, SemanticCache, StoreError
from cacheback.core.ports import Catalog, Embedder, Judge, Store
from cacheback.testing import Faulty, ScriptedUpstream

QUESTIONS = ["What is the capital of France?", "capital of France?", "Who wrote Hamlet?"]


def methods(port: type) -> list[str]:
    return sorted(name for name in vars(port) if not name.startswith("_") and name != "close")


def ask_all(client: CachedOpenAI) -> list[str]:
    answers = []
    for question in [*QUESTIONS, *QUESTIONS]:
        reply = client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
        )
        answers.append(reply.choices[0].message.content or "")
    return answers


def arrives(cache: SemanticCache, upstream: ScriptedUpstream) -> None:
    with CachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="x") as client:
        answers = ask_all(client)
    assert len(answers) == 6
    assert all("You asked" in answer for answer in answers)


@pytest.mark.parametrize("method", methods(Store))
def test_a_store_that_raises(method: str, cache: SemanticCache, upstream: ScriptedUpstream) -> None:
    store = Faulty(cache.store, error=StoreError)
    swap(cache, store=store)
    store.fail = {method}
    arrives(cache, upstream)
    store.fail = set()


def test_a_store_that_raises_what_nobody_expects(
    cache: SemanticCache, upstream: ScriptedUpstream
) -> None:
    store = Faulty(cache.store, error=ZeroDivisionError)
    swap(cache, store=store)
    store.fail = set(methods(Store))
    arrives(cache, upstream)
    store.fail = set()
    assert cache.stats().faults["store_failed"] > 0


@pytest.mark.parametrize(
    ("part", "port", "reason"),
    [
        ("embedder", Embedder, "embedder_failed"),
        ("catalog", Catalog, "index_failed"),
        ("judge", Judge, "judge_failed"),
    ],
)
def test_any_other_part_that_raises(
    part: str, port: type, reason: str, cache: SemanticCache, upstream: ScriptedUpstream
) -> None:
    faulty = Faulty(getattr(cache.engine.parts, part), error=ZeroDivisionError)
    swap(cache, **{part: faulty})
    faulty.fail = set(methods(port))
    arrives(cache, upstream)
    assert faulty.raised
    faulty.fail = set()
    assert cache.stats().faults[reason] > 0


def swap(cache: SemanticCache, **parts: Any) -> None:
    """Put other parts into a cache that is already there: the fault comes while it is used."""
    for name, part in parts.items():
        object.__setattr__(cache.engine.parts, name, part)


def test_a_directory_that_vanishes(
    tmp_path: Path, embedder: Any, upstream: ScriptedUpstream
) -> None:
    with SemanticCache(tmp_path / "gone", embedder=embedder) as cache:
        for file in (tmp_path / "gone").iterdir():
            if file.is_file():
                file.write_bytes(b"overwritten by something else" * 1000)
        arrives(cache, upstream)
