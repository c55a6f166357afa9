"""A client's word on what memory answered, through the real Anthropic SDK."""

from __future__ import annotations

from typing import Any

import pytest

from cacheback import AsyncCachedAnthropic, CachedAnthropic, Reason, SemanticCache, info, options
from cacheback.testing import ScriptedUpstream

pytest.importorskip("anthropic")

STORED = "How do I reset my password?"
ASKED = "How can I reset my password?"


def asking(question: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    return {"model": "claude-test", "max_tokens": 99, "messages": messages}


def test_wrong(cache: SemanticCache, upstream: ScriptedUpstream) -> None:
    upstream.script("Press 'Forgotten'.", "Ask the desk.")
    url = upstream.anthropic_url
    with CachedAnthropic(cache=cache, base_url=url, api_key="sk-ant") as client:
        client.messages.create(**asking(STORED))
        assert client.messages.create(**asking(ASKED)).cacheback_hit
        with options(client, feedback="wrong").messages.stream(**asking(ASKED)) as stream:
            assert stream.get_final_text() == "Ask the desk."
        again = client.messages.create(**asking(ASKED))
        assert again.content[0].text == "Ask the desk."
    assert upstream.calls == 2
    assert cache.report().said == {"wrong": 1}


async def test_right_on_an_event_loop(cache: SemanticCache, upstream: ScriptedUpstream) -> None:
    url = upstream.anthropic_url
    async with AsyncCachedAnthropic(cache=cache, base_url=url, api_key="sk-ant") as client:
        await client.messages.create(**asking(STORED))
        header = {"X-Cacheback-Feedback": "right"}
        told = info(await client.messages.create(**asking(ASKED), extra_headers=header))
    assert told is not None
    assert (told.hit, told.reason) == (True, Reason.REPORTED_RIGHT)
    assert upstream.calls == 1
    assert cache.report().said == {"right": 1}
