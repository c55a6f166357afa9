"""Any LLM of LlamaIndex as the model that writes answers from near ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM
from llama_index.llms.cacheback.answers import provider_of, usage_of
from llama_index.llms.cacheback.endings import Ending

from cacheback import Usage


@dataclass(frozen=True, slots=True)
class LLMSynthesizer:
    """A cheap LLM that writes answers from near ones, for `SemanticCache(synthesizer=…)`.

        cache = SemanticCache(synthesis_mode="auto", synthesizer=LLMSynthesizer(cheap))

    Give the LLM itself, without a memory: a synthesis is remembered as an answer to the question.
    What it cost is known where its streams tell their usage (of OpenAI's, with
    `additional_kwargs={"stream_options": {"include_usage": True}}`).
    """

    llm: LLM

    @property
    def model(self) -> str:
        """The model's name, as prices know it."""
        return self.llm.metadata.model_name

    @property
    def provider(self) -> str:
        """Whose prices count."""
        return provider_of(self.llm)

    def write(self, prompt: Any) -> Written:
        """What it writes, piece by piece."""
        return Written(self.llm, prompt)

    def awrite(self, prompt: Any) -> AsyncWritten:
        """`write` on the running event loop."""
        return AsyncWritten(self.llm, prompt)


class _Told:
    """What is known at the end of what was written."""

    def __init__(self, llm: LLM, prompt: Any) -> None:
        self._llm = llm
        self._messages = [
            ChatMessage(role="system", content=prompt.system),
            ChatMessage(role="user", content=prompt.user),
        ]
        self._ending = Ending()
        self._last: ChatResponse | None = None

    @property
    def usage(self) -> Usage | None:
        return None if self._last is None else usage_of(self._last)

    @property
    def finish_reason(self) -> str | None:
        """None where it was whole, in whichever word the integration says so."""
        return None if self._ending.whole else self._ending.reason or "cut"

    def _took(self, item: ChatResponse) -> str:
        self._ending.see(item)
        self._last = item
        return item.delta or ""


class Written(_Told):
    """What an LLM writes, for a thread."""

    def __iter__(self) -> Iterator[str]:
        for item in self._llm.stream_chat(self._messages):
            yield self._took(item)


class AsyncWritten(_Told):
    """What an LLM writes, for an event loop."""

    async def __aiter__(self) -> AsyncIterator[str]:
        async for item in await self._llm.astream_chat(self._messages):
            yield self._took(item)
