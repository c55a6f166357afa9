"""A provider that can do what the tests need, caches, and LLMs of several kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.tools import FunctionTool
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.openai import OpenAI
from pydantic import Field

from cacheback import SemanticCache, ToolCall, make_embedder
from cacheback.testing import Reply, ScriptedUpstream

# As long as a real answer: a few words would be told in one piece.
ANSWER = "Five business days after the goods have come back to us."


def answering(call: Any) -> Reply | str:
    """What the provider says: JSON where a schema is asked for, a call of the first tool where
    there is one and no result yet, and else an answer."""
    body = call.json
    schema = (body.get(name) for name in ("response_format", "output_format", "output_config"))
    if any(schema) or (body.get("text") or {}).get("format"):
        return json.dumps({"name": "Ada", "age": 36})
    tools = body.get("tools") or []
    if not tools:
        return ANSWER
    if _result_of_a_tool((body.get("messages") or body.get("input"))[-1]):
        return "The sum is 3."
    tool = tools[0].get("function", tools[0])
    properties = (tool.get("parameters") or tool.get("input_schema"))["properties"]
    values = {"a": 1, "b": 2, "name": "Ada", "age": 36}
    arguments = {name: values[name] for name in properties}
    return Reply(tool_calls=(ToolCall("", tool["name"], json.dumps(arguments)),))


def _result_of_a_tool(message: Any) -> bool:
    """Whether a message of any of the three dialects is one."""
    if not isinstance(message, dict):
        return False
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return (
        message.get("role") == "tool"
        or message.get("type") == "function_call_output"
        or any(one.get("type") == "tool_result" for one in blocks)
    )


class Parrot(CustomLLM):
    """Somebody's own LLM, which tells what it is told; `asked` are the prompts that reached it."""

    asked: list[str] = Field(default_factory=list, exclude=True)
    num_output: int = 64

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="parrot", num_output=self.num_output)

    @llm_completion_callback()
    def complete(self, prompt: str, **_: Any) -> CompletionResponse:
        self.asked.append(prompt)
        return CompletionResponse(text=f"You said: {prompt}", raw={"said": prompt})

    @llm_completion_callback()
    def stream_complete(self, prompt: str, **_: Any) -> CompletionResponseGen:
        self.asked.append(prompt)

        def words() -> CompletionResponseGen:
            said = ""
            for word in f"You said: {prompt}".split(" "):
                delta = word if not said else f" {word}"
                said += delta
                yield CompletionResponse(text=said, delta=delta, raw={"said": said})

        return words()


@pytest.fixture
def parrot() -> Parrot:
    return Parrot()


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """The provider, played by our own server on loopback."""
    with ScriptedUpstream(answering) as server:
        yield server


@pytest.fixture(scope="session")
def embedder() -> Any:
    """The bundled model, loaded once for all tests."""
    return make_embedder("minilm")


@pytest.fixture
def make_cache(embedder: Any) -> Iterator[Callable[..., SemanticCache]]:
    """Makes caches in memory, or in a directory, and closes them."""
    made: list[SemanticCache] = []

    def make(directory: Any = ":memory:", **settings: Any) -> SemanticCache:
        cache = SemanticCache(directory, **{"embedder": embedder, **settings})
        made.append(cache)
        return cache

    yield make
    for cache in made:
        cache.close()


@pytest.fixture
def cache(make_cache: Callable[..., SemanticCache]) -> SemanticCache:
    return make_cache()


@pytest.fixture
def make_openai(upstream: ScriptedUpstream) -> Callable[..., OpenAI]:
    """The real OpenAI integration, at the scripted provider."""

    def make(**settings: Any) -> OpenAI:
        own = {"model": "gpt-4o-mini", "api_key": "test", "api_base": upstream.openai_url}
        return OpenAI(**{**own, "max_retries": 0, **settings})

    return make


@pytest.fixture
def openai(make_openai: Callable[..., OpenAI]) -> OpenAI:
    return make_openai()


@pytest.fixture
def anthropic(upstream: ScriptedUpstream) -> Anthropic:
    """The real Anthropic integration, at the scripted provider."""
    return Anthropic(
        model="claude-sonnet-4-5", api_key="test", base_url=upstream.anthropic_url, max_retries=0
    )


@pytest.fixture
def add() -> FunctionTool:
    """A tool that adds two numbers."""

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return FunctionTool.from_defaults(fn=add)
