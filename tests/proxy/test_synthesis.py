"""Answers written from near ones, through the proxy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cacheback import info
from cacheback.testing import ScriptedUpstream

openai = pytest.importorskip("openai")

QUESTION = "How long does a refund to a {} card take?"


def asked(kind: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": QUESTION.format(kind)}]
    return {"model": "gpt-4o-mini", "messages": messages, **more}


@pytest.mark.parametrize("stream", [False, True])
def test_a_synthesis(
    stream: bool, make_proxy: Callable[..., Any], upstream: ScriptedUpstream
) -> None:
    upstream.script("Five working days.")
    with ScriptedUpstream() as writer:
        writer.script("SOURCES: 1\nFive working days, too.")
        model = {"synthesis_model": "local/small", "synthesis_model_base_url": writer.openai_url}
        proxy = make_proxy(cache={"synthesis_mode": "auto", **model})
        with openai.OpenAI(base_url=proxy.openai_url, api_key="sk-test", max_retries=0) as client:
            client.chat.completions.create(**asked("credit"))
            reply = client.chat.completions.create(**asked("debit", stream=stream))
            chunks = list(reply) if stream else [reply]
    told = info(chunks[0])
    assert told is not None
    assert (told.hit, told.synthesized, told.model) == (False, True, "small")
    if stream:
        text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    else:
        text = reply.choices[0].message.content
    assert text == "Five working days, too."
    assert (upstream.calls, writer.calls) == (1, 1)
