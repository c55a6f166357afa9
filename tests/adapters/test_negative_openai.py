"""Blocked questions through the real OpenAI SDK."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from cacheback import (
    Answer,
    AsyncCachedOpenAI,
    BlockedError,
    CachedOpenAI,
    ConfigurationError,
)
from cacheback.testing import ScriptedUpstream
from tests.adapters.negative_clients import SHORT, NegativeClients


class TestOpenAI(NegativeClients):
    sdk = openai
    sync_client, async_client, plain_client = CachedOpenAI, AsyncCachedOpenAI, openai.OpenAI

    @staticmethod
    def keywords(upstream: ScriptedUpstream) -> dict[str, Any]:
        return {"base_url": upstream.openai_url, "api_key": "sk-test"}

    @staticmethod
    def ask(client: Any, question: str = SHORT, **rest: Any) -> Any:
        messages = [{"role": "user", "content": question}]
        return client.chat.completions.create(model="gpt-4o-mini", messages=messages, **rest)

    @staticmethod
    def text_of(reply: Any) -> str:
        if isinstance(reply, list):
            deltas = [one.choices[0].delta for one in reply if one.choices]
            return "".join(delta.content or "" for delta in deltas)
        return str(reply.choices[0].message.content)

    def test_every_endpoint_that_answers_questions(
        self, make: Any, upstream: ScriptedUpstream
    ) -> None:
        client, _ = make()
        with pytest.raises(BlockedError):
            client.responses.create(model="gpt-4o-mini", input=SHORT)
        with pytest.raises(BlockedError):
            client.responses.create(model="gpt-4o-mini", input=SHORT, store=True)
        with pytest.raises(BlockedError):
            client.completions.create(model="gpt-3.5-turbo-instruct", prompt=SHORT)
        assert not upstream.requests

    @pytest.mark.parametrize("stream", [True, False])
    def test_an_answer_that_cannot_be_told_does_not_go_upstream(
        self, make: Any, upstream: ScriptedUpstream, stream: bool
    ) -> None:
        calls: Any = ("no call",)
        client, _ = make(on_negative_hit=lambda *_: Answer("Eleven.", tool_calls=calls))
        with pytest.raises(ConfigurationError, match="nothing but text"):
            self.ask(client, stream=stream)
        assert not upstream.requests

    def test_an_embedding_asks_nothing(self, make: Any, upstream: ScriptedUpstream) -> None:
        client, _ = make()
        client.embeddings.create(model="text-embedding-3-small", input=SHORT)
        assert len(upstream.requests) == 1
