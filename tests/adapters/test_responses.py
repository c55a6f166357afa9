"""The Responses API and legacy completions through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest

from cacheback import CachedOpenAI, Reason, info
from cacheback.testing import Reply, ScriptedUpstream

pytest.importorskip("openai")

FRANCE = "What is the capital of France?"
TEXT = "The capital of France is Paris, which lies on the Seine."


class TestResponses:
    def test_a_miss_then_hits(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        miss: Any = client.responses.create(model="gpt-4o-mini", input=FRANCE)
        for question in (FRANCE, "capital of France?"):
            hit: Any = client.responses.create(model="gpt-4o-mini", input=question)
            assert hit.cacheback_hit
            assert hit.output_text == TEXT
            assert hit.usage == miss.usage
            # The provider goes on from an id that it knows (previous_response_id).
            assert hit.id == miss.id
        assert upstream.calls == 1

    @pytest.mark.parametrize(
        "other",
        [{"instructions": "Be kind."}, {"temperature": 0.1}, {"reasoning": {"effort": "low"}}],
        ids="-".join,
    )
    def test_scope(
        self, client: CachedOpenAI, upstream: ScriptedUpstream, other: dict[str, Any]
    ) -> None:
        client.responses.create(model="m", input=FRANCE)
        client.responses.create(model="m", input=FRANCE, **other)
        assert upstream.calls == 2

    def test_what_the_provider_keeps_state_of_is_not_cached(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        for _ in range(2):
            reply = client.responses.create(model="m", input=FRANCE, previous_response_id="resp_1")
        told = info(reply)
        assert told is not None
        assert told.reason is Reason.STATEFUL
        assert upstream.calls == 2

    def test_streams(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        for expected in (False, True):
            with client.responses.stream(model="m", input=FRANCE) as events:
                kinds = [event.type for event in events]
                final: Any = events.get_final_response()
            assert kinds[0] == "response.created"
            assert kinds[-1] == "response.completed"
            assert final.output_text == TEXT
            assert bool(getattr(final, "cacheback_hit", False)) is expected
        assert client.responses.create(model="m", input=FRANCE).output_text == TEXT
        assert upstream.calls == 1

    def test_what_is_not_whole_is_not_stored(
        self, client: CachedOpenAI, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(TEXT, finish_reason="length"))
        client.responses.create(model="m", input=FRANCE)
        assert not client.cache.entries()


class TestLegacyCompletions:
    def test_a_miss_then_hits(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        client.completions.create(model="m", prompt=FRANCE)
        for question in (FRANCE, "capital of France?"):
            hit: Any = client.completions.create(model="m", prompt=question)
            assert hit.cacheback_hit
            assert hit.choices[0].text == TEXT
        assert upstream.calls == 1

    def test_streams(self, client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
        upstream.script(TEXT)
        for _ in range(2):
            chunks = client.completions.create(model="m", prompt=FRANCE, stream=True)
            assert "".join(c.choices[0].text for c in chunks if c.choices) == TEXT
        assert upstream.calls == 1
