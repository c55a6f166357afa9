"""The same scenario over an LLM as it is and over the same LLM with a memory, cold and warm.

What comes back must be of the same types and say the same. `raw` may become plain JSON, and marks
stand beside the message.
"""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM, MockLLM
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.cacheback import CachebackLLM
from llama_index.llms.openai import OpenAI, OpenAIResponses
from pydantic import BaseModel, ConfigDict

from cacheback import SemanticCache
from cacheback.testing import ScriptedUpstream

QUESTION = "How long do refunds take?"
MESSAGES = [
    ChatMessage(role="system", content="You work for a shop."),
    ChatMessage(role="user", content=QUESTION),
]
MARKS = {"cacheback", "cacheback_hit", "cacheback_synthesized"}


class Person(BaseModel):
    """A person."""

    model_config = ConfigDict(extra="forbid")
    name: str
    age: int


def said(response: Any) -> Any:
    """What a response says, without what differs between any two calls."""
    if isinstance(response, ChatResponse):
        blocks = [one.model_dump(exclude={"tool_call_id"}) for one in response.message.blocks]
        return type(response), response.message.role, blocks, response.logprobs
    return type(response), response.text, response.logprobs


def noted(response: Any) -> set[str]:
    """Under which names something stands beside the message."""
    return set(response.additional_kwargs) - MARKS


def streamed(items: list[Any]) -> Any:
    """What a stream said: its text by its deltas, and its last item."""
    return "".join(one.delta or "" for one in items), said(items[-1])


class Conformance:
    """The scenario; subclasses have a fixture `bare`, the LLM."""

    question: Any = QUESTION

    @pytest.fixture
    def bare(self) -> LLM:
        raise NotImplementedError

    @pytest.fixture
    def cached(self, bare: LLM, cache: SemanticCache) -> Any:
        return CachebackLLM(bare, cache)

    def test_it_is_what_it_was(self, bare: LLM, cached: Any) -> None:
        assert isinstance(cached, type(bare))
        assert isinstance(cached, CachebackLLM)
        assert isinstance(cached, FunctionCallingLLM) == isinstance(bare, FunctionCallingLLM)
        assert cached.metadata == bare.metadata
        assert cached.class_name() == bare.class_name()
        assert cached.to_dict() == bare.to_dict()

    @pytest.mark.parametrize(("method", "prompt"), [("chat", MESSAGES), ("complete", QUESTION)])
    def test_a_call(self, bare: LLM, cached: Any, method: str, prompt: Any) -> None:
        expected = getattr(bare, method)(prompt)
        cold, warm = getattr(cached, method)(prompt), getattr(cached, method)(prompt)
        assert said(cold) == said(warm) == said(expected)
        assert noted(cold) == noted(warm) == noted(expected)
        assert type(cold.raw) is type(expected.raw)
        hits = [one.additional_kwargs["cacheback_hit"] for one in (cold, warm)]
        assert hits == [False, True]

    @pytest.mark.parametrize(("method", "prompt"), [("achat", MESSAGES), ("acomplete", QUESTION)])
    async def test_an_async_call(self, bare: LLM, cached: Any, method: str, prompt: Any) -> None:
        expected = await getattr(bare, method)(prompt)
        cold, warm = await getattr(cached, method)(prompt), await getattr(cached, method)(prompt)
        assert said(cold) == said(warm) == said(expected)
        assert warm.additional_kwargs["cacheback_hit"] is True

    @pytest.mark.parametrize(
        ("method", "prompt"), [("stream_chat", MESSAGES), ("stream_complete", QUESTION)]
    )
    def test_a_stream(self, bare: LLM, cached: Any, method: str, prompt: Any) -> None:
        expected = list(getattr(bare, method)(prompt))
        cold, warm = list(getattr(cached, method)(prompt)), list(getattr(cached, method)(prompt))
        assert [said(one) for one in cold] == [said(one) for one in expected]
        assert streamed(warm) == streamed(expected)
        assert "cacheback_hit" not in cold[-1].additional_kwargs
        assert warm[-1].additional_kwargs["cacheback_hit"] is True
        assert type(cold[-1].raw) is type(expected[-1].raw)

    @pytest.mark.parametrize(
        ("method", "prompt"), [("astream_chat", MESSAGES), ("astream_complete", QUESTION)]
    )
    async def test_an_async_stream(self, bare: LLM, cached: Any, method: str, prompt: Any) -> None:
        expected = [one async for one in await getattr(bare, method)(prompt)]
        cold = [one async for one in await getattr(cached, method)(prompt)]
        warm = [one async for one in await getattr(cached, method)(prompt)]
        assert [said(one) for one in cold] == [said(one) for one in expected]
        assert streamed(warm) == streamed(expected)
        assert warm[-1].additional_kwargs["cacheback_hit"] is True

    def test_a_prompt(self, bare: LLM, cached: Any) -> None:
        prompt = PromptTemplate("Answer the question.\nQuestion: {question}\nAnswer: ")
        expected = bare.predict(prompt, question=QUESTION)
        assert [cached.predict(prompt, question=QUESTION) for _ in range(2)] == [expected] * 2
        tokens = ["".join(cached.stream(prompt, question=QUESTION)) for _ in range(2)]
        assert tokens == ["".join(bare.stream(prompt, question=QUESTION))] * 2


class FunctionCallingConformance(Conformance):
    """The scenario for LLMs that call tools."""

    def test_tools(self, bare: Any, cached: Any, add: FunctionTool) -> None:
        expected = bare.chat_with_tools([add], user_msg="What is 1 + 2?")
        cold, warm = (cached.chat_with_tools([add], user_msg="What is 1 + 2?") for _ in range(2))
        assert said(cold) == said(warm) == said(expected)
        chosen = [
            [(one.tool_name, one.tool_kwargs) for one in bare.get_tool_calls_from_response(reply)]
            for reply in (expected, cold, warm)
        ]
        assert chosen[0] == chosen[1] == chosen[2] != []
        assert warm.additional_kwargs["cacheback_hit"] is True

    def test_tools_in_a_stream(self, bare: Any, cached: Any, add: FunctionTool) -> None:
        expected = list(bare.stream_chat_with_tools([add], user_msg="What is 1 + 2?"))
        for _ in range(2):
            items = list(cached.stream_chat_with_tools([add], user_msg="What is 1 + 2?"))
            assert streamed(items) == streamed(expected)
        assert items[-1].additional_kwargs["cacheback_hit"] is True

    def test_predict_and_call(self, bare: Any, cached: Any, add: FunctionTool) -> None:
        expected = bare.predict_and_call([add], user_msg="What is 1 + 2?")
        for _ in range(2):
            reply = cached.predict_and_call([add], user_msg="What is 1 + 2?")
            assert (reply.response, type(reply)) == (expected.response, type(expected))

    def test_structure(self, bare: Any, cached: Any) -> None:
        prompt = PromptTemplate("Make up a person who likes {what}.")
        expected = bare.structured_predict(Person, prompt, what="cats")
        assert isinstance(expected, Person)
        assert [cached.structured_predict(Person, prompt, what="cats") for _ in range(2)] == [
            expected
        ] * 2

    async def test_structure_async(self, bare: Any, cached: Any) -> None:
        prompt = PromptTemplate("Make up a person who likes {what}.")
        expected = await bare.astructured_predict(Person, prompt, what="cats")
        for _ in range(2):
            assert await cached.astructured_predict(Person, prompt, what="cats") == expected

    def test_the_provider_is_asked_the_same(
        self, bare: Any, cached: Any, add: FunctionTool, upstream: ScriptedUpstream
    ) -> None:
        """By OpenAI's JSON schemas, say, where the LLM itself would do so; and only once."""
        asked: list[Any] = []
        for llm in (bare, cached, cached):
            before = upstream.calls
            llm.chat(MESSAGES, temperature=0.5)
            list(llm.stream_complete(QUESTION))
            llm.chat_with_tools([add], user_msg="What is 1 + 2?", tool_required=True)
            llm.structured_predict(Person, PromptTemplate("Make up a person."))
            asked.append([(one.path, one.json) for one in upstream.requests[before:]])
        assert asked[0] == asked[1]
        assert len(asked[0]) == 4
        assert not asked[2]


class TestOpenAI(FunctionCallingConformance):
    @pytest.fixture
    def bare(self, openai: OpenAI) -> LLM:
        return openai


class TestOpenAIWithoutJSONSchema(FunctionCallingConformance):
    """An older model, whose structured output is a forced tool call."""

    @pytest.fixture
    def bare(self, make_openai: Any) -> LLM:
        model: LLM = make_openai(model="gpt-3.5-turbo")
        return model


class TestOpenAIResponses(FunctionCallingConformance):
    @pytest.fixture
    def bare(self, upstream: ScriptedUpstream) -> LLM:
        return OpenAIResponses(model="gpt-4o-mini", api_key="test", api_base=upstream.openai_url)


class TestOpenAICompletions(Conformance):
    """A plain LLM: text in, text out."""

    @pytest.fixture
    def bare(self, make_openai: Any) -> LLM:
        model: LLM = make_openai(model="gpt-3.5-turbo-instruct", max_tokens=64)
        return model


class TestAnthropic(FunctionCallingConformance):
    @pytest.fixture
    def bare(self, anthropic: LLM) -> LLM:
        return anthropic


class TestCustom(Conformance):
    @pytest.fixture
    def bare(self, parrot: LLM) -> LLM:
        return parrot


class TestMock(Conformance):
    """The framework's own mock."""

    @pytest.fixture
    def bare(self) -> LLM:
        return MockLLM()


class TestMockWithALimit:
    """Its last item lags behind its own delta; what was shown is what the deltas say."""

    def test_a_stream(self, cache: SemanticCache) -> None:
        cached = CachebackLLM(MockLLM(max_tokens=3), cache)
        cold, warm = (list(cached.stream_complete(QUESTION)) for _ in range(2))
        assert [one.delta for one in cold] == ["text ", "text ", "text"]
        assert [one.text for one in warm] == ["text", "text text", "text text text"]
        assert cached.complete(QUESTION).text == "text text text"


class TestMockFunctionCalling(Conformance):
    @pytest.fixture
    def bare(self) -> LLM:
        return MockFunctionCallingLLM()
