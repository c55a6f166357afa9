"""Prompts that remember their variables, so that the question in them can be told apart.

LlamaIndex puts a query, the retrieved context and its instructions into one text before it calls
an LLM. Compared by meaning, such a text is mostly instructions. What is passed on here is that
very text, and what it was made of: the question alone is compared by meaning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate, SelectorPromptTemplate
from llama_index.llms.cacheback.shown import shown

# Under these names LlamaIndex's own prompts hold what a person asked; the first that is there.
_QUESTIONS = ("query_str", "question", "query")

# And under these what was retrieved for it.
CONTEXTS = frozenset({"context_msg", "context_str"})


@dataclass(frozen=True, slots=True)
class Origin:
    """What a prompt was made of: the question in it, and every other variable by its name.

    `question` is None where none of the variables is known to be the question.
    """

    question: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


class PromptedMessages(list[ChatMessage]):
    """Messages made from a prompt template."""

    def __init__(self, messages: Sequence[ChatMessage], origin: Origin) -> None:
        super().__init__(messages)
        self.origin = origin


class PromptedText(str):
    """A text made from a prompt template."""

    __slots__ = ("origin",)
    origin: Origin

    def __new__(cls, text: str, origin: Origin) -> Self:
        made = super().__new__(cls, text)
        made.origin = origin
        return made


def origin(prompt: BasePromptTemplate, given: Mapping[str, Any], llm: LLM) -> Origin:
    """What a prompt is made of, with these arguments.

    Raises:
        TypeError: a variable has no form as JSON.
    """
    if isinstance(prompt, SelectorPromptTemplate):
        prompt = prompt.select(llm)
    # What a function makes is not among the variables; what is parsed is no text to be told anew.
    parsed = prompt.output_parser is not None or llm.output_parser is not None
    if prompt.function_mappings or parsed:
        return Origin()
    variables = {**prompt.kwargs, **given}
    name = next((one for one in _QUESTIONS if isinstance(variables.get(one), str)), None)
    others = {key: _text(value) for key, value in variables.items() if key != name}
    return Origin(None if name is None else variables[name], others)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(shown(value), sort_keys=True)


def asked_in(made: Origin, text: str) -> str | None:
    """The question of a prompt, if this text, the last of the user, has it in it."""
    question = made.question
    return question if question is not None and question.strip() and question in text else None


def without(text: str, values: Mapping[str, str]) -> str:
    """A text with place holders for these values, of which a longer one may hold a shorter."""
    for name, value in sorted(values.items(), key=lambda one: -len(one[1])):
        text = text.replace(value, f"{{{name}}}") if value else text
    return text
