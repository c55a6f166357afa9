"""From a call of an LLM to what the cache is asked.

What may live here: which part of a call is the question, which are its scope, and what limits it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock
from llama_index.core.llms import LLM
from llama_index.core.output_parsers.pydantic import PYDANTIC_FORMAT_TMPL
from llama_index.llms.cacheback.kinds import CHAT, Kind
from llama_index.llms.cacheback.prompts import (
    CONTEXTS,
    Origin,
    PromptedMessages,
    PromptedText,
    asked_in,
    without,
)
from llama_index.llms.cacheback.settings import Configured, number
from llama_index.llms.cacheback.shown import shown
from llama_index.llms.cacheback.turns import Conversation, conversation, digest

from cacheback import Reason

# Agents call tools, or write code to be run, in plain text, as their prompts tell them to; and a
# model that has no other way is told a schema in the text, too.
_ACTIONS = ("Action Input:", "<execute>")
_SCHEMA = PYDANTIC_FORMAT_TMPL.strip().splitlines()[0]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an LLM: of which method, with what. `prompt` is messages or a text."""

    kind: Kind
    method: str
    prompt: Any
    kwargs: Mapping[str, Any]

    @property
    def streams(self) -> bool:
        return "stream" in self.method

    @property
    def asynchronous(self) -> bool:
        return self.method.startswith("a")

    def of(self, llm: LLM) -> Any:
        """Make this call of an LLM."""
        prompt = list(self.prompt) if self.kind is CHAT else str(self.prompt)
        return getattr(llm, self.method)(prompt, **self.kwargs)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the cache is asked: fields of a `cacheback.Request`."""

    question: str
    parts: Mapping[str, Any]
    limits: tuple[Reason, ...]
    temperature: float | None
    patience: float | None


def read(call: Call, llm: LLM, index_version: str | Callable[[], str] | None) -> Asked:
    """What a call asks.

    Raises:
        TypeError: something in it has no form as JSON; it cannot be cached.
    """
    configured = Configured(llm, call.kwargs)
    prompt = call.prompt
    made = prompt.origin if isinstance(prompt, PromptedMessages | PromptedText) else None
    messages = _messages(call)
    version = None if made is None else _version(index_version)
    if made is not None and version is not None:
        messages = _without_contexts(messages, made)
    turns = conversation(messages)
    question = turns.question if made is None else asked_in(made, turns.question)
    attachments: list[Any] = turns.attachments
    if made is not None and question is not None:
        attachments = [*attachments, _beside(made, turns.question, question, version)]
    return Asked(
        question=turns.question if question is None else question,
        parts={
            "tenant": configured.tenant,
            "provider": configured.address,
            "endpoint": call.kind.endpoint,
            "model": configured.model,
            "system": _system(turns, llm),
            "history": turns.history,
            "attachments": attachments,
            "tools": configured.tools,
            "tool_choice": configured.choice,
            "response_format": configured.shape,
            "parameters": configured.parameters,
        },
        limits=tuple(_limits(configured, turns, told_apart=question is not None)),
        temperature=configured.temperature,
        patience=number(configured.get("timeout")),
    )


def _messages(call: Call) -> list[ChatMessage]:
    if call.kind is CHAT:
        return list(call.prompt)
    return [ChatMessage(role=MessageRole.USER, content=str(call.prompt))]


def _system(turns: Conversation, llm: LLM) -> list[Any]:
    """System messages, and the system prompt that the LLM itself has, if it adds it by itself."""
    own = getattr(llm, "system_prompt", None)
    return [*([{"system_prompt": own}] if own else []), *turns.system]


def _version(given: str | Callable[[], str] | None) -> str | None:
    return given() if callable(given) else given


def _without_contexts(messages: list[ChatMessage], made: Origin) -> list[ChatMessage]:
    """The messages without what was retrieved, for which an index's version stands."""
    contexts = {name: made.variables[name] for name in CONTEXTS & made.variables.keys()}
    copies = [message.model_copy(deep=True) for message in messages]
    for copy in copies:
        for block in copy.blocks:
            if isinstance(block, TextBlock):
                block.text = without(block.text, contexts)
    return copies


def _beside(made: Origin, text: str, question: str, version: str | None) -> Any:
    """What stands around the question in a prompt: every variable, and the text between them."""
    variables = {
        name: value
        for name, value in made.variables.items()
        if version is None or name not in CONTEXTS
    }
    return {
        "prompt": digest(without(without(text, variables), {"question": question})),
        "variables": {name: digest(value) for name, value in variables.items()},
        "index": version,
    }


def _limits(configured: Configured, turns: Conversation, *, told_apart: bool) -> Iterator[Reason]:
    said = f"{shown(turns.system)}\n{turns.question}"
    if configured.stateful:
        yield Reason.STATEFUL
    if not turns.question.strip() or not told_apart:
        yield Reason.NO_QUESTION
    if turns.has_tools or _may_call(configured) or any(one in said for one in _ACTIONS):
        yield Reason.TOOLS_EXACT_ONLY
    shape = configured.shape
    if shape.keys() - {"n", "logprobs", "top_logprobs"} or _SCHEMA in said:
        yield Reason.STRUCTURED_EXACT_ONLY
    if "n" in shape:
        yield Reason.CHOICES_EXACT_ONLY
    if "logprobs" in shape or "top_logprobs" in shape:
        yield Reason.LOGPROBS_EXACT_ONLY


def _may_call(configured: Configured) -> bool:
    """True when the answer may be an action, not a text."""
    return bool(configured.tools) and configured.get("tool_choice") != "none"
