"""Synthesis: any chat model of LangChain as the one that writes answers from near ones.

What may live here: a model as cacheback's synthesizer, and its text as chunks while it comes. What
it may not know: which answers are near, how a reply is judged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk

from cacheback import Outcome, Usage
from langchain_cacheback.generations import ending_of, mark

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage


class ChatSynthesizer:
    """A chat model that writes answers from near ones, for `SemanticCache(synthesizer=…)`.

        >>> cheap = ChatSynthesizer(ChatOpenAI(model="gpt-5-nano"))
        >>> cache = SemanticCache(synthesis_mode="auto", synthesizer=cheap)

    The model itself is asked: no cache answers in its stead, and what it says is not told to the
    callbacks, streams and graphs of the call that it answers.

    Args:
        model: any chat model.
    """

    def __init__(self, model: BaseChatModel) -> None:
        base = getattr(model, "_cacheback_base", type(model))
        own = model.model_copy(update={"cache": False})
        object.__setattr__(own, "__class__", base)
        told = own._get_ls_params()  # noqa: SLF001 - LangChain's one way to tell a model's name
        self._model = own
        self.model: str = told.get("ls_model_name") or type(own).__name__
        self.provider: str | None = told.get("ls_provider")

    def write(self, prompt: Any) -> Writing:
        """The reply to a prompt's `system` and `user`, piece by piece as it comes."""
        return Writing(self._model.stream(_messages(prompt), config={"callbacks": []}))

    def awrite(self, prompt: Any) -> AsyncWriting:
        """The same on the running event loop."""
        return AsyncWriting(self._model.astream(_messages(prompt), config={"callbacks": []}))


class _Reply:
    """What a reply tells besides its text, once it is over."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.finish_reason: str | None = None

    def _text(self, chunk: AIMessageChunk) -> str:
        if chunk.usage_metadata is not None:
            used = chunk.usage_metadata
            told = self.usage or Usage()
            self.usage = Usage(
                told.input_tokens + used["input_tokens"], told.output_tokens + used["output_tokens"]
            )
        self.finish_reason = ending_of(chunk.response_metadata) or self.finish_reason
        return str(chunk.text)


class Writing(_Reply):
    """A reply as an iterator of texts; has `usage` and `finish_reason` at its end."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        super().__init__()
        self._chunks = chunks

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            yield self._text(chunk)


class AsyncWriting(_Reply):
    """The same as an asynchronous iterator."""

    def __init__(self, chunks: AsyncIterator[Any]) -> None:
        super().__init__()
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[str]:
        async for chunk in self._chunks:
            yield self._text(chunk)


class Telling:
    """Tells a text that is still being written as the chunks of a stream."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def opening(self) -> ChatGenerationChunk:
        return self.text("")

    def text(self, piece: str) -> ChatGenerationChunk:
        return ChatGenerationChunk(message=AIMessageChunk(content=piece))

    def closing(self, usage: Usage | None) -> ChatGenerationChunk:
        message = AIMessageChunk(
            content="",
            response_metadata={"model_name": self._outcome.model, "finish_reason": "stop"},
            chunk_position="last",
        )
        if usage is not None:
            message.usage_metadata = {
                "input_tokens": usage.input_tokens,
                "output_tokens": usage.output_tokens,
                "total_tokens": usage.total,
            }
        mark(message, self._outcome)
        return ChatGenerationChunk(message=message)

    def failure(self, message: str) -> BrokenOff:
        return BrokenOff(message)


class BrokenOff:
    """Stands in a stream where the rest should be: whoever reads it gets an error."""

    def __init__(self, message: str) -> None:
        self.message = message


def _messages(prompt: Any) -> list[BaseMessage]:
    return [SystemMessage(prompt.system), HumanMessage(prompt.user)]
