"""Blocked questions through the real Anthropic SDK."""

from __future__ import annotations

from typing import Any

import pytest

from cacheback.testing import ScriptedUpstream
from tests.adapters.negative_clients import SHORT, NegativeClients

anthropic = pytest.importorskip("anthropic")


class TestAnthropic(NegativeClients):
    sdk = anthropic

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _classes(cls) -> None:
        from cacheback import AsyncCachedAnthropic, CachedAnthropic

        cls.sync_client, cls.async_client = CachedAnthropic, AsyncCachedAnthropic
        cls.plain_client = anthropic.Anthropic

    @staticmethod
    def keywords(upstream: ScriptedUpstream) -> dict[str, Any]:
        return {"base_url": upstream.anthropic_url, "api_key": "sk-ant"}

    @staticmethod
    def ask(client: Any, question: str = SHORT, **rest: Any) -> Any:
        messages = [{"role": "user", "content": question}]
        return client.messages.create(
            model="claude-opus-5", max_tokens=99, messages=messages, **rest
        )

    @staticmethod
    def text_of(reply: Any) -> str:
        if isinstance(reply, list):
            deltas = [one.delta for one in reply if one.type == "content_block_delta"]
            return "".join(delta.text for delta in deltas)
        return str(reply.content[0].text)
