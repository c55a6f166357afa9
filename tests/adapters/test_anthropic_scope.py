"""The lines of the scope's table through the real Anthropic SDK, as `test_scope_table.py` does."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cacheback import CachedAnthropic, Reason, SemanticCache, info, options
from cacheback.core.scope import differences
from cacheback.testing import ScriptedUpstream

anthropic = pytest.importorskip("anthropic")

FRANCE = "What is the capital of France?"
PARAPHRASE = "capital of France?"
TOOL = {"name": "search", "input_schema": {"type": "object"}}
OTHER_TOOL = {"name": "browse", "input_schema": {"type": "object"}}
SHAPE = {"format": {"type": "json_schema", "schema": {"type": "object"}}}


@pytest.fixture
def client(upstream: ScriptedUpstream, cache: SemanticCache) -> Iterator[Any]:
    with CachedAnthropic(
        cache=cache, base_url=upstream.anthropic_url, api_key="sk-ant", max_retries=0
    ) as client:
        yield client


def said(role: str, content: Any = FRANCE) -> dict[str, Any]:
    return {"role": role, "content": content}


def body(*before: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "claude-test", "max_tokens": 9, "messages": [*before, said("user")], **fields}


def post(client: Any, body: Any, path: str = "/v1/messages") -> Any:
    """The answer to a body that is sent as it stands, whatever this SDK's version knows of it."""
    return client.post(path, body=body, cast_to=anthropic.types.Message)


def shown(kind: str, media: str, content: bytes, question: str = FRANCE) -> dict[str, Any]:
    data = base64.b64encode(content).decode()
    source = {"type": "base64", "media_type": media, "data": data}
    content_ = [{"type": kind, "source": source}, {"type": "text", "text": question}]
    return {"messages": [said("user", content_)]}


def picture(content: bytes) -> dict[str, Any]:
    return body(**shown("image", "image/png", content))


def called(name: str, result: str = "nothing") -> dict[str, Any]:
    call = {"type": "tool_use", "id": name, "name": "search", "input": {"q": "x"}}
    return body(
        said("user", "Hello"),
        said("assistant", [call]),
        said("user", [{"type": "tool_result", "tool_use_id": name, "content": result}]),
        said("assistant", "Nothing."),
    )


CASES: list[tuple[str, Any, Any]] = [
    ("model", body(), body(model="claude-other")),
    ("system", body(), body(system="Be brief.")),
    ("system", body(system="Be brief."), body(system="Be kind.")),
    ("history", body(), body(said("user", "Hello"), said("assistant", "Hello!"))),
    ("history", called("toolu_1"), called("toolu_1", "something")),
    ("tools", body(), body(tools=[TOOL])),
    ("tools", body(tools=[TOOL]), body(tools=[OTHER_TOOL])),
    ("tool_choice", body(tools=[TOOL]), body(tools=[TOOL], tool_choice={"type": "any"})),
    ("response_format", body(), body(output_config=SHAPE)),
    ("parameters", body(), body(max_tokens=10)),
    ("parameters", body(), body(temperature=0.3)),
    ("parameters", body(), body(top_k=3)),
    ("parameters", body(), body(stop_sequences=["\n"])),
    ("parameters", body(), body(thinking={"type": "enabled", "budget_tokens": 1024})),
    ("parameters", body(), body(service_tier="standard_only")),
    ("parameters", body(), body(something_that_nobody_knows_yet={"a": [1]})),
    ("attachments", body(), picture(b"cat")),
    ("attachments", picture(b"cat"), picture(b"dog")),
]


def parts_that_differ(cache: SemanticCache) -> set[str]:
    """The parts in which the scopes of the two entries of a cache are not the same."""
    here, there = (cache.store.scope_parts(entry.scope) or {} for entry in cache.entries())
    return {one.part for one in differences(here, there)}


@pytest.mark.parametrize(("part", "one", "other"), CASES)
def test_what_can_change_the_answer(
    client: Any, upstream: ScriptedUpstream, part: str, one: Any, other: Any
) -> None:
    post(client, one)
    assert not post(client, other).cacheback_hit
    assert parts_that_differ(client.cache) == {part}
    assert post(client, one).cacheback_hit
    assert post(client, other).cacheback_hit
    assert upstream.calls == 2


OF_THE_CALL: list[tuple[str, Callable[[Any], Any]]] = [
    ("tenant", lambda client: client.copy(api_key="sk-another")),
    ("parameters", lambda client: client.copy(default_headers={"anthropic-beta": "x-2025"})),
    ("parameters", lambda client: client.copy(default_headers={"anthropic-version": "2029-01-01"})),
    ("endpoint", lambda client: client.copy(default_query={"beta": "true"})),
]


@pytest.mark.parametrize(("part", "change"), OF_THE_CALL)
def test_what_is_no_part_of_the_body(
    client: Any, upstream: ScriptedUpstream, part: str, change: Callable[[Any], Any]
) -> None:
    for one in (client, change(client)):
        assert not post(one, body()).cacheback_hit
        assert post(one, body()).cacheback_hit
    assert upstream.calls == 2
    assert parts_that_differ(client.cache) == {part}


CACHED = {"type": "text", "text": FRANCE, "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (body(), body(metadata={"user_id": "u"})),
        (body(), body(stream=False)),
        (body(), body(messages=[said("user", [CACHED])])),
        (body(), dict(reversed(body().items()))),
        (body(temperature=1), body(temperature=1.0)),
        (called("toolu_a"), called("toolu_b")),
    ],
    ids=["metadata", "stream", "cache_control", "key order", "one number", "ids of earlier calls"],
)
def test_what_cannot_change_the_answer(
    client: Any, upstream: ScriptedUpstream, one: Any, other: Any
) -> None:
    assert not post(client, one).cacheback_hit
    assert post(client, other).cacheback_hit
    assert upstream.calls == 1


@pytest.mark.parametrize(
    ("kind", "media"), [("image", "image/png"), ("document", "application/pdf")]
)
def test_an_attachment(client: Any, upstream: ScriptedUpstream, kind: str, media: str) -> None:
    def ask(content: bytes, question: str) -> Any:
        return post(client, body(**shown(kind, media, content, question)))

    assert not ask(b"one", FRANCE).cacheback_hit
    hit = info(ask(b"one", PARAPHRASE))
    assert hit is not None
    assert hit.reason is Reason.ABOVE_THRESHOLD
    assert not ask(b"two", FRANCE).cacheback_hit
    assert not ask(b"three", PARAPHRASE).cacheback_hit
    assert upstream.calls == 3


def test_a_namespace(client: Any, upstream: ScriptedUpstream) -> None:
    post(client, body())
    assert not post(options(client, namespace="shop"), body()).cacheback_hit
    assert upstream.calls == 2
