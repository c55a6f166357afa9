"""The table of the scope in the guide, line by line, through the real OpenAI SDK.

For every line: a call that differs in nothing else is not answered from memory, and the difference
is found under the line's name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cacheback import CachedOpenAI, Reason, SemanticCache, info, options
from cacheback.core.scope import PARTS, differences
from cacheback.testing import Reply, ScriptedUpstream

openai = pytest.importorskip("openai")

GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"
FRANCE = "What is the capital of France?"
TOOL = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}
OTHER_TOOL = {"type": "function", "function": {"name": "browse", "parameters": {"type": "object"}}}
SHAPE = {"type": "json_schema", "json_schema": {"name": "City", "schema": {"type": "object"}}}


def said(role: str, content: Any = FRANCE, **rest: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **rest}


def chat(*before: Any, **fields: Any) -> dict[str, Any]:
    """The body of a chat completion; what is not given is as in all others."""
    return {"model": "gpt-4o-mini", "messages": [*before, said("user")], **fields}


def headers(**told: str) -> dict[str, Any]:
    return {"headers": {name.replace("_", "-"): value for name, value in told.items()}}


def data(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def shown(*parts: Any) -> dict[str, Any]:
    return {"messages": [said("user", [{"type": "text", "text": FRANCE}, *parts])]}


def image(content: bytes, **rest: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data(content), **rest}}


def audio(content: bytes) -> dict[str, Any]:
    given = {"data": base64.b64encode(content).decode(), "format": "wav"}
    return {"type": "input_audio", "input_audio": given}


def file(content: bytes) -> dict[str, Any]:
    given = {"filename": "a.pdf", "file_data": data(content, "application/pdf")}
    return {"type": "file", "file": given}


def post(client: CachedOpenAI, body: Any, path: str = "/chat/completions", **rest: Any) -> Any:
    """The answer to a body that is sent as it stands, whatever this SDK's version knows of it."""
    raw: Any = client.post(path, body=body, cast_to=openai.types.chat.ChatCompletion, **rest)
    return raw


# Per part of the scope: two values that it may have. The first of None is the plain call.
OF_THE_BODY: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {
    "model": [(chat(), chat(model="gpt-4o"))],
    "system": [
        (chat(), chat(said("system", "Be brief."))),
        (chat(said("system", "Be brief.")), chat(said("system", "Be kind."))),
        (chat(said("system", "Be brief.")), chat(said("developer", "Be brief."))),
    ],
    "history": [
        (chat(), chat(said("user", "Hello"), said("assistant", "Hello!"))),
        (chat(said("user", "Hello")), chat(said("assistant", "Hello"))),
        (
            chat(said("user", "a"), said("assistant", "b")),
            chat(said("user", "b"), said("assistant", "a")),
        ),
    ],
    "tools": [
        (chat(), chat(tools=[TOOL])),
        (chat(tools=[TOOL]), chat(tools=[OTHER_TOOL])),
        (chat(), chat(web_search_options={})),
        (chat(), chat(functions=[TOOL["function"]])),
    ],
    "tool_choice": [
        (chat(tools=[TOOL]), chat(tools=[TOOL], tool_choice="required")),
        (chat(tools=[TOOL], tool_choice="none"), chat(tools=[TOOL], tool_choice="required")),
    ],
    "response_format": [
        (chat(), chat(response_format={"type": "json_object"})),
        (chat(response_format={"type": "json_object"}), chat(response_format=SHAPE)),
        (chat(), chat(n=2)),
        (chat(), chat(logprobs=True)),
        (chat(), chat(modalities=["text", "audio"])),
    ],
    "parameters": [
        *((chat(), chat(**{name: value})) for name, value in {
            "temperature": 0.3,
            "top_p": 0.5,
            "seed": 7,
            "stop": ["\n"],
            "max_tokens": 5,
            "max_completion_tokens": 5,
            "reasoning_effort": "low",
            "verbosity": "low",
            "service_tier": "flex",
            "presence_penalty": 1,
            "logit_bias": {"50256": -100},
            "prediction": {"type": "content", "content": "Paris"},
            "something_that_nobody_knows_yet": {"a": [1]},
        }.items()),
        (chat(temperature=0.3), chat(temperature=0.4)),
        (chat(seed=0), chat(seed=False)),
    ],
    "attachments": [
        (chat(), chat(**shown(image(b"cat")))),
        (chat(**shown(image(b"cat"))), chat(**shown(image(b"dog")))),
        (chat(**shown(image(b"cat"))), chat(**shown(image(b"cat", detail="low")))),
        (chat(**shown(image(b"cat"))), chat(**shown(image(b"cat"), image(b"cat")))),
        (chat(**shown(audio(b"miaow"))), chat(**shown(audio(b"woof")))),
        (chat(**shown(file(b"one"))), chat(**shown(file(b"two")))),
    ],
}  # fmt: skip

CASES = [(part, *both) for part, cases in OF_THE_BODY.items() for both in cases]


def parts_that_differ(cache: SemanticCache) -> set[str]:
    """The parts in which the scopes of the two entries of a cache are not the same."""
    here, there = (cache.store.scope_parts(entry.scope) or {} for entry in cache.entries())
    return {one.part for one in differences(here, there)}


@pytest.mark.parametrize(("part", "one", "other"), CASES)
def test_what_can_change_the_answer(
    client: CachedOpenAI, upstream: ScriptedUpstream, part: str, one: Any, other: Any
) -> None:
    upstream.script(Reply("Paris."), Reply("Paris."))
    post(client, one)
    assert not post(client, other).cacheback_hit
    assert upstream.calls == 2
    assert parts_that_differ(client.cache) == {part}
    for body in (one, other):
        assert post(client, body).cacheback_hit
    assert upstream.calls == 2


@contextmanager
def elsewhere(client: CachedOpenAI) -> Iterator[CachedOpenAI]:
    with ScriptedUpstream() as upstream:
        yield client.copy(base_url=upstream.openai_url)


def told(client: CachedOpenAI, **headers: str) -> CachedOpenAI:
    return client.copy(default_headers={k.replace("_", "-"): v for k, v in headers.items()})


OF_THE_CALL: list[tuple[str, Callable[[CachedOpenAI], CachedOpenAI]]] = [
    ("tenant", lambda client: client.copy(api_key="sk-another")),
    ("tenant", lambda client: client.copy(organization="org")),
    ("tenant", lambda client: told(client, X_Portkey_Config="pc-1")),
    ("namespace", lambda client: options(client, namespace="shop")),
    ("endpoint", lambda client: client.copy(default_query={"api-version": "1"})),
    ("endpoint", lambda client: client.copy(default_query={"route": "secret"})),
    ("parameters", lambda client: told(client, OpenAI_Beta="assistants=v2")),
]


@pytest.mark.parametrize(("part", "change"), OF_THE_CALL)
def test_what_is_no_part_of_the_body(
    client: CachedOpenAI,
    upstream: ScriptedUpstream,
    part: str,
    change: Callable[[CachedOpenAI], CachedOpenAI],
) -> None:
    other = change(client)
    for one in (client, other):
        assert not post(one, chat()).cacheback_hit
        assert post(one, chat()).cacheback_hit
    assert upstream.calls == 2
    entries = [*client.cache.entries(), *client.cache.entries(namespace="shop")]
    scopes = {entry.scope: client.cache.store.scope_parts(entry.scope) or {} for entry in entries}
    assert {one.part for one in differences(*scopes.values())} == {part}


def test_another_provider(client: CachedOpenAI) -> None:
    post(client, chat())
    with elsewhere(client) as other:
        assert not post(other, chat()).cacheback_hit
        assert post(other, chat()).cacheback_hit
    assert parts_that_differ(client.cache) == {"provider"}


def test_another_day(client: CachedOpenAI, clock: Any) -> None:
    weather = {**chat(), "messages": [said("user", "What is the weather in Paris today?")]}
    post(client, weather)
    assert post(client, weather).cacheback_hit
    clock.advance(86_000)  # not yet expired
    assert not post(client, weather).cacheback_hit
    assert parts_that_differ(client.cache) == {"day"}


def test_every_line_of_the_table_is_tested() -> None:
    _, table = GUIDE.read_text().split("| part | what is in it |\n|---|---|\n")
    named = re.findall(r"^\| `(\w+)` \|", table.partition("\n\n")[0], re.MULTILINE)
    assert tuple(named) == PARTS
    tested = {*OF_THE_BODY, *(part for part, _ in OF_THE_CALL), "provider", "day"}
    assert tested == set(named)


CALLED = {"id": "call_9", "type": "function", "function": {"name": "search", "arguments": "{}"}}


def after_a_call(name: str) -> dict[str, Any]:
    return chat(
        said("user", "Hello"),
        said("assistant", None, tool_calls=[{**CALLED, "id": name}]),
        said("tool", "nothing", tool_call_id=name),
    )


WITHOUT_EFFECT: list[tuple[str, Any, Any]] = [
    *((name, chat(), chat(**{name: value})) for name, value in {
        "user": "u",
        "metadata": {"a": "b"},
        "stream": False,
        "stream_options": {"include_usage": True},
        "store": False,
        "safety_identifier": "u",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
    }.items()),
    ("what is the default", chat(), chat(n=1, logprobs=False, service_tier="auto", seed=None)),
    ("one number", chat(temperature=1), chat(temperature=1.0)),
    ("key order", chat(seed=7), dict(reversed(chat(seed=7).items()))),
    ("key order in a tool", chat(tools=[TOOL]), chat(tools=[dict(reversed(TOOL.items()))])),
    ("ids of earlier calls", after_a_call("call_a"), after_a_call("call_b")),
    ("a text as a part", chat(), chat(**shown())),
    ("the usual detail", chat(**shown(image(b"cat"))), chat(**shown(image(b"cat", detail="auto")))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [both for _, *both in WITHOUT_EFFECT],
    ids=[name for name, *_ in WITHOUT_EFFECT],
)
def test_what_cannot_change_the_answer(
    client: CachedOpenAI, upstream: ScriptedUpstream, one: Any, other: Any
) -> None:
    assert not post(client, one).cacheback_hit
    assert post(client, other).cacheback_hit
    assert upstream.calls == 1


def test_nor_can_the_timeout_and_what_is_known_to_be_harmless(
    client: CachedOpenAI, upstream: ScriptedUpstream
) -> None:
    post(client, chat())
    twin = told(client.copy(timeout=5, max_retries=7), User_Agent="x", X_Request_Id="1")
    assert post(twin, chat()).cacheback_hit
    assert upstream.calls == 1


def test_every_field_without_effect_that_the_guide_names_is_tested() -> None:
    left_out = GUIDE.read_text().partition("Left out, as they cannot change the answer: ")[2]
    named = set(re.findall(r"`(\w+)(?:: false)?`", left_out.partition(" Of the headers:")[0]))
    assert named - {"cache_control"} == {  # which is Anthropic's
        name for name, *_ in WITHOUT_EFFECT if " " not in name
    }


# --- attachments: a paraphrase may hit, another attachment never ----------------------------------

PARAPHRASE = "capital of France?"
SHOW_CHAT = {"image": image, "audio": audio, "file": file}


def ask_chat(client: CachedOpenAI, question: str, attachment: Any) -> Any:
    content = [{"type": "text", "text": question}, attachment]
    return post(client, {"model": "m", "messages": [said("user", content)]})


@pytest.mark.parametrize("kind", SHOW_CHAT)
def test_an_attachment_of_a_chat(
    client: CachedOpenAI, upstream: ScriptedUpstream, kind: str
) -> None:
    show = SHOW_CHAT[kind]
    assert not ask_chat(client, FRANCE, show(b"one")).cacheback_hit
    hit = info(ask_chat(client, PARAPHRASE, show(b"one")))
    assert hit is not None
    assert hit.reason is Reason.ABOVE_THRESHOLD
    assert not ask_chat(client, FRANCE, show(b"two")).cacheback_hit
    assert not ask_chat(client, PARAPHRASE, show(b"three")).cacheback_hit
    assert upstream.calls == 3


def item(kind: str, content: bytes) -> dict[str, Any]:
    """What is attached to a question for a response."""
    if kind == "input_image":
        return {"type": kind, "image_url": data(content)}
    return {"type": kind, "filename": "a.pdf", "file_data": data(content, "application/pdf")}


def ask_response(client: CachedOpenAI, question: str, attachment: Any) -> Any:
    content = [{"type": "input_text", "text": question}, attachment]
    return post(client, {"model": "m", "input": [said("user", content)]}, "/responses")


@pytest.mark.parametrize("kind", ["input_image", "input_file"])
def test_an_attachment_of_a_response(
    client: CachedOpenAI, upstream: ScriptedUpstream, kind: str
) -> None:
    assert not ask_response(client, FRANCE, item(kind, b"one")).cacheback_hit
    assert ask_response(client, PARAPHRASE, item(kind, b"one")).cacheback_hit
    assert not ask_response(client, FRANCE, item(kind, b"two")).cacheback_hit
    assert not ask_response(client, PARAPHRASE, item(kind, b"three")).cacheback_hit
    assert upstream.calls == 3


# --- how it is sampled ----------------------------------------------------------------------------


def test_wide_sampling_can_be_made_exact_only(
    make_client: Callable[..., CachedOpenAI], make_cache: Callable[..., SemanticCache]
) -> None:
    client = make_client(cache=make_cache(exact_above_temperature=0.7))
    paraphrased = {"messages": [said("user", PARAPHRASE)]}
    for temperature, expected in ((0.7, True), (0.8, False)):
        assert not post(client, chat(temperature=temperature)).cacheback_hit
        assert post(client, chat(temperature=temperature)).cacheback_hit
        reply = post(client, {**chat(temperature=temperature), **paraphrased})
        assert reply.cacheback_hit is expected
    told = info(reply)
    assert told is not None
    assert told.reason is Reason.SAMPLING_EXACT_ONLY
