"""A synthesis model over HTTP: both dialects, whole and broken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from cacheback import Usage
from cacheback.core.synthesis import WHOLE, Prompt
from cacheback.errors import SynthesisError
from cacheback.synthesizers.endpoint import find
from cacheback.testing import Reply, ScriptedUpstream

pytest.importorskip("openai")  # either SDK brings an HTTP library

from cacheback.synthesizers.http import HTTPSynthesizer

PROMPT = Prompt("the rules", "the material")
DIALECTS = ["small", "claude-small"]


@pytest.fixture(params=DIALECTS)
def synthesizer(request: Any, upstream: ScriptedUpstream) -> Iterator[HTTPSynthesizer]:
    made = make(upstream, request.param)
    yield made
    made.close()


def make(upstream: ScriptedUpstream, model: str, timeout: float = 10) -> HTTPSynthesizer:
    url = upstream.anthropic_url if model.startswith("claude") else upstream.openai_url
    return HTTPSynthesizer(find(model, url, "key", {}), timeout)


def test_pieces_usage_and_ending(synthesizer: HTTPSynthesizer, upstream: ScriptedUpstream) -> None:
    upstream.script(Reply("One two\nthree.", usage=Usage(12, 3)))
    written = synthesizer.write(PROMPT)
    pieces = [piece for piece in written if piece]
    assert "".join(pieces) == "One two\nthree."
    assert len(pieces) == 3
    assert written.usage == Usage(12, 3)
    assert written.finish_reason in {"stop", "end_turn"}


def test_what_is_sent(synthesizer: HTTPSynthesizer, upstream: ScriptedUpstream) -> None:
    list(synthesizer.write(PROMPT))
    (call,) = upstream.requests
    assert call.json["model"] == synthesizer.model
    assert call.json["stream"] is True
    if synthesizer.provider == "anthropic":
        assert call.headers["x-api-key"] == "key"
        assert call.json["system"] == "the rules"
        assert call.json["messages"] == [{"role": "user", "content": "the material"}]
    else:
        assert call.headers["authorization"] == "Bearer key"
        assert [one["content"] for one in call.json["messages"]] == ["the rules", "the material"]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_reply_that_was_cut(
    reason: str, synthesizer: HTTPSynthesizer, upstream: ScriptedUpstream
) -> None:
    upstream.script(Reply("One", finish_reason=reason))
    written = synthesizer.write(PROMPT)
    list(written)
    assert written.finish_reason not in WHOLE


def test_a_stream_without_its_end(synthesizer: HTTPSynthesizer, upstream: ScriptedUpstream) -> None:
    upstream.script(Reply(body=b": nothing\n\n"))
    written = synthesizer.write(PROMPT)
    assert not any(written)
    assert written.finish_reason not in WHOLE


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=401, text="no"),
        Reply(status=500, text="no"),
        Reply("One two three.", fail_after=2),
        Reply("One two three four five six seven.", cut_after=700),
        Reply(body=b"data: [1]\n\n"),
        Reply(body=b"data: {\n\n"),
    ],
)
def test_errors(reply: Reply, synthesizer: HTTPSynthesizer, upstream: ScriptedUpstream) -> None:
    upstream.script(reply)
    with pytest.raises(SynthesisError):
        list(synthesizer.write(PROMPT))


@pytest.mark.parametrize("model", DIALECTS)
def test_nothing_comes(model: str, upstream: ScriptedUpstream) -> None:
    upstream.hold()
    synthesizer = make(upstream, model, timeout=0.05)
    with pytest.raises(TimeoutError):
        list(synthesizer.write(PROMPT))
    upstream.release()
    synthesizer.close()


def test_one_s_own_machine_costs_nothing(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply("One.", usage=Usage(12, 3)))
    synthesizer = HTTPSynthesizer(find("local/small", upstream.openai_url, None, {}), 10)
    written = synthesizer.write(PROMPT)
    list(written)
    synthesizer.close()
    assert written.usage == Usage(12, 3, cost=0.0)
    assert "authorization" not in upstream.requests[0].headers


def test_reading_may_stop_at_any_time(
    synthesizer: HTTPSynthesizer, upstream: ScriptedUpstream
) -> None:
    upstream.script("One two three.", "Again.")
    written = synthesizer.write(PROMPT)
    next(iter(written))
    written.close()
    assert "".join(synthesizer.write(PROMPT)) == "Again."


def test_a_process_has_connections_of_its_own_and_an_end_is_no_end(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesizer = make(upstream, "small")
    list(synthesizer.write(PROMPT))
    client = synthesizer._client
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        assert list(synthesizer.write(PROMPT))
        assert synthesizer._client is not client
        synthesizer.close()
    assert not client.is_closed
    client.close()
    synthesizer.close()
    assert list(synthesizer.write(PROMPT))
    synthesizer.close()
