"""Responses come back from memory as they were, as far as JSON carries; and only whole ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    DocumentBlock,
    ImageBlock,
    LLMMetadata,
    LogProb,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms import MockLLM
from llama_index.llms.cacheback import CachebackLLM
from llama_index.llms.openai import OpenAI

from cacheback import Answer, Controls, SemanticCache, ToolCall
from cacheback.testing import Reply, ScriptedUpstream

QUESTION = "How long do refunds take?"
MESSAGES = [ChatMessage(role="user", content=QUESTION)]


class Given(MockLLM):
    """Gives the response that it was made with."""

    given: Any = None

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="given", is_chat_model=True)

    def chat(self, *_: Any, **__: Any) -> ChatResponse:
        return self.given.model_copy(deep=True)  # type: ignore[no-any-return]

    def complete(self, *_: Any, **__: Any) -> CompletionResponse:
        return self.given.model_copy(deep=True)  # type: ignore[no-any-return]


def given(response: Any) -> Given:
    made = Given()
    made.given = response  # not a setting: it is no part of the scope
    return made


Given.model_fields["given"].exclude = True


class Own(ChatResponse):
    """A response class of somebody's own."""

    confidence: float = 0.0


class Unspeakable:
    """What has no form as JSON."""


BLOCKS = [
    ThinkingBlock(content="Let me see.", additional_information={"signature": "abc"}),
    TextBlock(text="One."),
    TextBlock(text="Two."),
    ImageBlock(image=b"\x89PNG", image_mimetype="image/png"),
    AudioBlock(audio=b"RIFF", format="wav"),
    DocumentBlock(data=b"%PDF", title="a"),
    ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs={"a": 1}),
    ToolCallBlock(tool_call_id="call_2", tool_name="add", tool_kwargs='{"a": 2'),
]
RESPONSES = [
    ChatResponse(
        message=ChatMessage(role="assistant", blocks=BLOCKS, additional_kwargs={"k": [1, None]}),
        raw={"usage": {"prompt_tokens": 3, "completion_tokens": 4}, "nested": [{"x": 1.5}]},
        logprobs=[[LogProb(token="One", logprob=-0.5, bytes=[79])]],
        additional_kwargs={"prompt_tokens": 3, "completion_tokens": 4},
    ),
    Own(message=ChatMessage(role="assistant", content="Yes."), confidence=0.75),
]


@pytest.mark.parametrize("response", RESPONSES)
def test_a_response_comes_back_as_it_was(
    response: Any, make_cache: Callable[..., SemanticCache], tmp_path: Path
) -> None:
    with make_cache(tmp_path) as cache:
        CachebackLLM(given(response), cache).chat(MESSAGES)
    with make_cache(tmp_path) as cache:  # from the disk
        warm = CachebackLLM(given(response), cache).chat(MESSAGES)
    marks = {name for name in warm.additional_kwargs if name.startswith("cacheback")}
    assert len(marks) == 3
    for name in marks:
        del warm.additional_kwargs[name]
    assert warm == response
    assert [type(one) for one in warm.message.blocks] == [
        type(one) for one in response.message.blocks
    ]


def test_so_does_a_completion(cache: SemanticCache) -> None:
    response = CompletionResponse(
        text="Yes.", raw={"id": 1}, logprobs=[[LogProb(token="Yes")]], additional_kwargs={"k": "v"}
    )
    llm = CachebackLLM(given(response), cache)
    llm.complete(QUESTION)
    warm = llm.complete(QUESTION)
    assert (warm.text, warm.raw, warm.logprobs) == ("Yes.", {"id": 1}, response.logprobs)
    assert warm.additional_kwargs["k"] == "v"


def test_what_json_cannot_carry_comes_back_as_none(cache: SemanticCache) -> None:
    response = ChatResponse(
        message=ChatMessage(role="assistant", content="Yes."),
        raw={"id": 1, "client": Unspeakable()},
    )
    llm = CachebackLLM(given(response), cache)
    llm.chat(MESSAGES)
    assert llm.chat(MESSAGES).raw == {"id": 1, "client": None}


def test_the_neutral_form_is_filled(cache: SemanticCache) -> None:
    """What the CLI, prices and other adapters read."""
    CachebackLLM(given(RESPONSES[0]), cache).chat(MESSAGES)
    (entry,) = cache.entries()
    answer = entry.answer
    assert answer.text == "One.\nTwo."
    assert answer.tool_calls == (
        ToolCall("call_1", "add", '{"a": 1}'),
        ToolCall("call_2", "add", '{"a": 2'),
    )
    assert answer.reasoning == "Let me see."
    assert answer.usage is not None
    assert answer.usage.total == 7
    assert (answer.model, answer.format) == ("given", "llama_index.chat")


def test_a_real_provider_is_named_as_prices_know_it(openai: OpenAI, cache: SemanticCache) -> None:
    CachebackLLM(openai, cache).chat(MESSAGES)
    (entry,) = cache.entries()
    assert (entry.answer.provider, entry.answer.model) == ("openai", "gpt-4o-mini")
    assert entry.answer.finish_reason == "stop"
    assert entry.seconds


def test_every_caller_gets_a_response_of_its_own(openai: OpenAI, cache: SemanticCache) -> None:
    """LlamaIndex changes responses in place: it puts token counts into messages."""
    llm = CachebackLLM(openai, cache)
    for _ in range(3):
        response = llm.chat(MESSAGES)
        assert "spoiled" not in response.message.additional_kwargs
        response.message.additional_kwargs["spoiled"] = True
        response.message.blocks.clear()
    assert response.additional_kwargs["cacheback_hit"]


class TestForeign:
    """Anybody may put something into a memory."""

    @pytest.fixture
    def llm(self, openai: OpenAI, cache: SemanticCache) -> Any:
        llm = CachebackLLM(openai, cache)
        llm.chat(MESSAGES)
        return llm

    @pytest.mark.parametrize(
        "raw",
        [
            None,
            {},
            {"class": "os.system", "response": {"message": {"role": "assistant"}}},
            {"class": "x", "response": {"message": {"role": "nobody"}}},
            {"class": ["x"], "response": "x"},
        ],
    )
    def test_it_is_told_by_what_it_says(
        self, llm: Any, cache: SemanticCache, upstream: ScriptedUpstream, raw: Any
    ) -> None:
        (entry,) = cache.entries()
        calls = (ToolCall("call_1", "add", "{}"),)
        foreign = Answer("Ten.", calls, reasoning="Hm.", format="llama_index.chat", raw=raw)
        parts = cache.store.scope_parts(entry.scope)
        cache.populate(QUESTION, foreign, scope=parts)
        response = llm.chat(MESSAGES)
        assert upstream.calls == 1
        assert type(response) is ChatResponse
        if raw is None or not raw or "os" not in str(raw):
            kinds = [type(one) for one in response.message.blocks]
            assert kinds == [ThinkingBlock, TextBlock, ToolCallBlock]
            assert response.message.content == "Ten."
        (*_, last) = llm.stream_chat(MESSAGES)
        assert last.message.blocks == response.message.blocks

    def test_an_answer_of_the_sdk_s_format_too(self, llm: Any, cache: SemanticCache) -> None:
        (entry,) = cache.entries()
        foreign = Answer("Ten.", format="openai.chat", raw={"id": "x"})
        cache.populate(QUESTION, foreign, scope=cache.store.scope_parts(entry.scope))
        assert llm.chat(MESSAGES).message.content == "Ten."


class TestWhole:
    @pytest.mark.parametrize("model", ["openai", "anthropic"])
    @pytest.mark.parametrize("method", ["chat", "stream_chat"])
    @pytest.mark.parametrize(
        "reply",
        [
            Reply(text="Five business", finish_reason="length"),
            Reply(text="I cannot", finish_reason="content_filter"),
            Reply(text="Hm", finish_reason="a_word_to_come"),
            Reply(text=""),
        ],
    )
    def test_what_is_cut_off_or_empty_is_not_kept(  # noqa: PLR0917 - fixtures
        self,
        request: Any,
        cache: SemanticCache,
        upstream: ScriptedUpstream,
        model: str,
        method: str,
        reply: Reply,
    ) -> None:
        if model == "anthropic" and reply.finish_reason == "length":
            reply = Reply(text=reply.text, finish_reason="max_tokens")
        llm = CachebackLLM(request.getfixturevalue(model), cache)
        upstream.script(reply)
        cut = getattr(llm, method)(MESSAGES)
        if method == "stream_chat":
            list(cut)
        assert not cache.stats().entries

    @pytest.mark.parametrize("model", ["openai", "anthropic"])
    def test_nor_is_a_stream_that_is_cut(
        self, request: Any, cache: SemanticCache, upstream: ScriptedUpstream, model: str
    ) -> None:
        llm = CachebackLLM(request.getfixturevalue(model), cache)
        upstream.script(Reply(text="Five business days.", cut_after=900))
        with pytest.raises(Exception):  # noqa: B017, PT011 - the SDK's own, of several kinds
            list(llm.stream_chat(MESSAGES))
        assert not cache.stats().entries

    def test_nor_one_that_ends_without_its_end(
        self, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        """The SDK takes the end of the body for the end of the answer; nothing is raised."""
        chunk = b'data: {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",'
        chunk += b' "choices": [{"index": 0, "delta": {"content": "Five"}, "finish_reason": null}]}'
        headers = {"content-type": "text/event-stream"}
        upstream.script(Reply(body=chunk + b"\n\n", headers=headers))
        items = list(CachebackLLM(openai, cache).stream_chat(MESSAGES))
        assert items[-1].message.content == "Five"
        assert not cache.stats().entries

    def test_nor_one_that_is_left(
        self, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        llm = CachebackLLM(openai, cache)
        stream = llm.stream_chat(MESSAGES)
        next(stream)
        stream.close()
        assert not cache.stats().entries
        list(llm.stream_chat(MESSAGES))
        assert cache.stats().entries == 1
        assert upstream.calls == 2

    def test_nor_an_error(
        self, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(Reply(status=400, text="no"))
        with pytest.raises(Exception, match="no"):
            CachebackLLM(openai, cache).chat(MESSAGES)
        assert not cache.stats().entries


class TestStreams:
    def test_a_replay_is_cumulative(self, openai: OpenAI, cache: SemanticCache) -> None:
        llm = CachebackLLM(openai, cache)
        said = llm.chat(MESSAGES).message.content
        items = list(llm.stream_chat(MESSAGES))
        assert len(items) == len(said.split())
        so_far = ""
        for item in items:
            so_far += item.delta
            assert item.message.content == so_far
        assert so_far == said

    @pytest.mark.parametrize("text", [" spaced  out ", "one", "line\n\nline\n", "日本語"])
    def test_whatever_white_space_it_has(
        self, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream, text: str
    ) -> None:
        upstream.script(text)
        llm = CachebackLLM(openai, cache)
        llm.complete(QUESTION)
        assert "".join(one.delta for one in llm.stream_complete(QUESTION)) == text

    def test_streams_and_calls_answer_each_other(
        self, openai: OpenAI, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        llm = CachebackLLM(openai, cache)
        (*_, streamed) = llm.stream_chat(MESSAGES)
        called = llm.chat(MESSAGES)
        assert called.message == streamed.message
        assert called.delta is None
        assert upstream.calls == 1

    def test_controls_go_for_streams(self, openai: OpenAI, cache: SemanticCache) -> None:
        llm = CachebackLLM(openai, cache, controls=Controls(mode="bypass"))
        assert list(llm.stream_chat(MESSAGES))
        assert not cache.stats().entries
