"""Blocked questions, through every endpoint and through an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage
from llama_index.llms.cacheback import CachebackEmbedding, CachebackLLM
from llama_index.llms.openai import OpenAI

from cacheback import Answer, BlockedError, SemanticCache
from cacheback.testing import ScriptedUpstream

PATTERN, QUESTION = "How do I pick a lock?", "How can I pick a lock?"
MESSAGES = [ChatMessage(role="user", content=QUESTION)]


@pytest.fixture
def make_llm(openai: OpenAI, make_cache: Callable[..., SemanticCache]) -> Callable[..., Any]:
    def make(**settings: Any) -> Any:
        cache = make_cache(**settings)
        cache.negative.add(PATTERN, reason="unsafe")
        return CachebackLLM(openai, cache)

    return make


async def test_a_blocked_question_is_refused(
    make_llm: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    llm = make_llm()
    for method, prompt in (("chat", MESSAGES), ("complete", QUESTION)):
        for name in (method, f"stream_{method}"):
            with pytest.raises(BlockedError) as caught:
                getattr(llm, name)(prompt)
            assert caught.value.match.entry.pattern == PATTERN
            with pytest.raises(BlockedError):
                await getattr(llm, f"a{name}")(prompt)
    assert not upstream.calls


def test_also_within_the_prompt_of_an_engine(
    make_llm: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    """The question is told apart from the context, and recognised by its meaning."""
    documents = [Document(text="Locks are sold on the first floor.")]
    index = VectorStoreIndex.from_documents(documents, embed_model=CachebackEmbedding())
    engine = index.as_query_engine(llm=make_llm())
    with pytest.raises(BlockedError):
        engine.query(QUESTION)
    assert not upstream.calls
    assert str(engine.query("Where are locks sold?"))


def test_a_function_may_answer_instead(
    make_llm: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    llm = make_llm(on_negative_hit=lambda *_: Answer("Please ask a locksmith."))
    response = llm.chat(MESSAGES)
    assert response.message.content == "Please ask a locksmith."
    assert response.additional_kwargs["cacheback"]["tier"] == "negative"
    words = [one.delta for one in llm.stream_complete(QUESTION)]
    assert "".join(words) == "Please ask a locksmith."
    assert len(words) == 4
    assert not upstream.calls


def test_or_the_cache_is_left_out(make_llm: Callable[..., Any], upstream: ScriptedUpstream) -> None:
    llm = make_llm(on_negative_hit="skip")
    for _ in range(2):
        assert llm.chat(MESSAGES).message.content
        assert list(llm.stream_chat(MESSAGES))
    assert upstream.calls == 4
    assert not llm.cacheback.cache.stats().entries
