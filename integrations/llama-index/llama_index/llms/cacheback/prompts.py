"""Prompts that remember their variables, so that the question in them can be told apart.

LlamaIndex puts a query, the retrieved context and its instructions into one text before it calls
an LLM. Compared by meaning, such a text is mostly instructions. What is passed on here is that
very text, and what it was made of: the question alone is compared by meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import BasePromptTemplate

# Under these names LlamaIndex's own prompts hold what a person asked; the first that is there.
_QUESTIONS = ("query_str", "question", "query")

# And under these what was retrieved for it.
CONTEXTS = frozenset({"context_msg", "context_str"})


@dataclass(frozen=True, slots=True)
class Origin:
    """What a prompt was made of: its template, the question in it, every other variable.

    `question` is None where none of the variables is known to be the question.
    """

    template: str
    question: str | None
    variables: Mapping[str, str]


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


def origin(prompt: BasePromptTemplate, given: Mapping[str, Any], llm: BaseLLM) -> Origin:
    """What a prompt is made of, with these arguments."""
    variables = {**prompt.kwargs, **given}
    template = prompt.get_template(llm=llm)
    # Values that a function makes, and what a parser adds, are not among the variables.
    if prompt.function_mappings or prompt.output_parser is not None:
        return Origin(template, None, {})
    name = next((one for one in _QUESTIONS if isinstance(variables.get(one), str)), None)
    others = {key: str(value) for key, value in variables.items() if key != name}
    return Origin(template, None if name is None else variables[name], others)


def asked_in(origin: Origin, text: str) -> str | None:
    """The question of a prompt, if this text, the last of the user, has it in it."""
    question = origin.question
    return question if question is not None and question.strip() and question in text else None
