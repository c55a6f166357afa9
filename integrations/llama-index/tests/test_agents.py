"""Agents: the second identical run makes no upstream call, and no turn is served by meaning."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.tools import FunctionTool
from llama_index.llms.cacheback import CachebackLLM

from cacheback import Reason, SemanticCache
from cacheback.testing import ScriptedUpstream

QUESTION, PARAPHRASE = "What is 1 plus 2?", "What is one plus two?"


@pytest.fixture(params=["openai", "anthropic"])
def llm(request: pytest.FixtureRequest, cache: SemanticCache) -> Any:
    return CachebackLLM(request.getfixturevalue(request.param), cache)


def agent_of(llm: Any, tool: FunctionTool, **settings: Any) -> FunctionAgent:
    return FunctionAgent(
        llm=llm, tools=[tool], name="sums", description="adds", system_prompt="Add.", **settings
    )


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_function_agent(
    llm: Any, add: FunctionTool, upstream: ScriptedUpstream, streaming: bool
) -> None:
    agent = agent_of(llm, add, streaming=streaming)
    runs = [await agent.run(QUESTION) for _ in range(2)]
    assert upstream.calls == 2  # the call of the tool, and the answer
    assert [str(run) for run in runs] == ["The sum is 3."] * 2
    called = [[(one.tool_name, one.tool_kwargs) for one in run.tool_calls] for run in runs]
    assert called == [[("add", {"a": 1, "b": 2})]] * 2


async def test_what_was_streamed_answers_what_is_not(
    llm: Any, add: FunctionTool, upstream: ScriptedUpstream
) -> None:
    for streaming in (True, False):
        assert str(await agent_of(llm, add, streaming=streaming).run(QUESTION)) == "The sum is 3."
    assert upstream.calls == 2


async def test_a_workflow_of_agents(
    llm: Any, add: FunctionTool, upstream: ScriptedUpstream
) -> None:
    workflow = AgentWorkflow(agents=[agent_of(llm, add)], root_agent="sums")
    runs = [str(await workflow.run(user_msg=QUESTION)) for _ in range(2)]
    assert runs == ["The sum is 3."] * 2
    assert upstream.calls == 2


async def test_no_turn_is_served_by_meaning(
    llm: Any, add: FunctionTool, upstream: ScriptedUpstream, cache: SemanticCache
) -> None:
    for question in (QUESTION, PARAPHRASE):
        await agent_of(llm, add).run(question)
    assert upstream.calls == 4
    assert cache.stats().misses == {Reason.TOOLS_EXACT_ONLY: 2, Reason.NO_QUESTION: 2}


async def test_one_agent_s_tools_are_not_another_s(
    llm: Any, add: FunctionTool, upstream: ScriptedUpstream
) -> None:
    def subtract(a: int, b: int) -> int:
        """Subtract a number from another."""
        return a - b

    for tool in (add, FunctionTool.from_defaults(fn=subtract)):
        await agent_of(llm, tool).run(QUESTION)
    assert upstream.calls == 4


class TestReAct:
    """Tools in plain text: every turn is one of a tool, though no tool is passed."""

    THOUGHTS = (
        'Thought: I need a tool.\nAction: add\nAction Input: {"a": 1, "b": 2}',
        "Thought: I can answer.\nAnswer: It is 3.",
    )

    async def test_the_second_run_calls_nobody(
        self, openai: Any, cache: SemanticCache, add: FunctionTool, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(*self.THOUGHTS)
        agent = ReActAgent(llm=CachebackLLM(openai, cache), tools=[add])
        runs = [str(await agent.run(QUESTION)) for _ in range(2)]
        assert runs == ["It is 3."] * 2
        assert upstream.calls == 2

    async def test_no_turn_is_served_by_meaning(
        self, openai: Any, cache: SemanticCache, add: FunctionTool, upstream: ScriptedUpstream
    ) -> None:
        upstream.script(*self.THOUGHTS, *self.THOUGHTS)
        agent = ReActAgent(llm=CachebackLLM(openai, cache), tools=[add])
        for question in (QUESTION, PARAPHRASE):
            await agent.run(question)
        assert upstream.calls == 4
        assert cache.stats().misses == {Reason.TOOLS_EXACT_ONLY: 4}
