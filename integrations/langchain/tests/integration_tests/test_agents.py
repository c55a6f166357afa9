"""Agents and graphs: CachebackMiddleware, and cached models inside LangGraph."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel

from cacheback import SemanticCache, Tier, ToolCall, info
from cacheback.testing import Reply, ScriptedUpstream
from langchain_cacheback import CachebackMiddleware, cached

MakeModel = Callable[..., Any]
ASK: Any = {"messages": [HumanMessage("Add 1 and 2, please")]}
CALL = ToolCall("call_1", "add", '{"a": 1, "b": 2}')


class Sum(BaseModel):
    """A sum."""

    total: int


@pytest.fixture
def ran() -> list[tuple[int, int]]:
    """What the tool was called with."""
    return []


@pytest.fixture
def add(ran: list[tuple[int, int]]) -> Callable[[int, int], int]:
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        ran.append((a, b))
        return a + b

    return add


def asking(text: str) -> Any:
    return {"messages": [HumanMessage(text)]}


def tiers(state: dict[str, Any]) -> list[Tier | None]:
    told = [info(one.response_metadata) for one in state["messages"] if isinstance(one, AIMessage)]
    return [one.tier if one else None for one in told]


class TestMiddleware:
    def test_the_model_is_answered_and_the_tools_run(
        self,
        chat: MakeModel,
        cache: SemanticCache,
        upstream: ScriptedUpstream,
        add: Any,
        ran: list[tuple[int, int]],
    ) -> None:
        upstream.script(Reply(tool_calls=(CALL,)), "It is 3.")
        agent = create_agent(chat(), [add], middleware=[CachebackMiddleware(cache)])
        first, second = (agent.invoke(ASK) for _ in range(2))
        assert tiers(first) == [Tier.UPSTREAM] * 2
        assert tiers(second) == [Tier.EXACT] * 2
        assert [one.content for one in second["messages"]] == [
            one.content for one in first["messages"]
        ]
        assert not {one.id for one in first["messages"][1:]} & {
            one.id for one in second["messages"][1:]
        }
        assert ran == [(1, 2)] * 2
        assert upstream.calls == 2

    async def test_async_and_at_the_same_time(
        self, chat: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream, add: Any
    ) -> None:
        upstream.script(Reply(tool_calls=(CALL,)), "It is 3.")
        agent = create_agent(chat(), [add], middleware=[CachebackMiddleware(cache)])
        states = await asyncio.gather(*(agent.ainvoke(ASK) for _ in range(4)))
        assert {state["messages"][-1].text for state in states} == {"It is 3."}
        assert upstream.calls == 2

    def test_it_never_answers_by_meaning_where_tools_may_be_called(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream, add: Any
    ) -> None:
        upstream.script("One.", "Two.")
        agent = create_agent(openai(), [add], middleware=[CachebackMiddleware(cache)])
        asked = ["What is the capital of France?", "capital of France?"]
        found = [agent.invoke(asking(text)) for text in asked]
        assert [state["messages"][-1].text for state in found] == ["One.", "Two."]

    def test_an_agent_without_tools_is_answered_by_meaning(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        agent = create_agent(openai(), [], middleware=[CachebackMiddleware(cache)])
        asked = ["What is the capital of France?", "capital of France?"]
        found = [agent.invoke(asking(text)) for text in asked]
        assert [tiers(state) for state in found] == [[Tier.UPSTREAM], [Tier.SEMANTIC]]
        assert upstream.calls == 1

    def test_another_system_prompt_is_another_scope(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream
    ) -> None:
        for prompt in ("Be brief.", "Be rude."):
            agent = create_agent(
                openai(), [], system_prompt=prompt, middleware=[CachebackMiddleware(cache)]
            )
            agent.invoke(ASK)
        assert upstream.calls == 2

    @pytest.mark.parametrize("strategy", [ProviderStrategy, ToolStrategy])
    def test_structured_responses(
        self, openai: MakeModel, cache: SemanticCache, upstream: ScriptedUpstream, strategy: Any
    ) -> None:
        call = ToolCall("call_1", "Sum", '{"total": 3}')
        upstream.script(
            '{"total": 3}' if strategy is ProviderStrategy else Reply(tool_calls=(call,))
        )
        middleware = [CachebackMiddleware(cache)]
        agent = create_agent(openai(), [], response_format=strategy(Sum), middleware=middleware)
        for _ in range(2):
            assert agent.invoke(ASK)["structured_response"] == Sum(total=3)
        assert upstream.calls == 1

    @pytest.mark.parametrize("mode", ["cold", "warm"])
    def test_tokens_stream_on_hits(
        self, chat: MakeModel, cache: SemanticCache, add: Any, mode: str
    ) -> None:
        agent = create_agent(chat(), [add], middleware=[CachebackMiddleware(cache)])
        if mode == "warm":
            agent.invoke(ASK)
        chunks = [one for one, _ in agent.stream(ASK, stream_mode="messages")]
        assert sum(isinstance(one, AIMessageChunk) and bool(one.text) for one in chunks) > 10
        assert cache.stats().lookups == (2 if mode == "warm" else 1)


class TestGraphs:
    def test_two_hits_are_two_messages(self, openai: MakeModel, cache: SemanticCache) -> None:
        """LangGraph's reducer drops a message whose id it has already."""
        model = cached(openai(), cache)
        model.invoke("Hi")
        graph = StateGraph(MessagesState)
        for name, after in (("one", START), ("two", "one")):
            graph.add_node(name, lambda _: {"messages": [model.invoke("Hi")]})
            graph.add_edge(after, name)
        state = graph.compile().invoke(ASK)
        assert len(state["messages"]) == 3
        assert tiers(state) == [Tier.EXACT] * 2

    async def test_messages_stream_on_hits(self, chat: MakeModel, cache: SemanticCache) -> None:
        model = cached(chat(), cache)

        async def answer(state: MessagesState) -> dict[str, Any]:
            return {"messages": [await model.ainvoke(state["messages"])]}

        graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
        app = graph.compile()
        told = []
        for _ in range(2):
            pieces: list[Any] = [one async for one, _ in app.astream(ASK, stream_mode="messages")]
            told.append("".join(one.text for one in pieces))
            assert len([one for one in pieces if one.text]) > 10
        assert told[0] == told[1]
        assert cache.stats().hits == {"exact": 1}
