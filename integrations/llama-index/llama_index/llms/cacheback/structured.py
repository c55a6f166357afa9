"""Structured output of LLMs that ask their provider for it themselves.

Most integrations make `structured_predict` of their own `chat`, which is answered from memory as
any other. Some (Anthropic's newer models, OpenAI's Responses) call their client directly: of those
the object itself is remembered, as its JSON, and only ever served for the same prompt and schema.
They tell observers nothing of such a call, and no more is told of an answer from memory.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from llama_index.core.llms import LLM
from llama_index.core.prompts import PromptTemplate
from llama_index.llms.cacheback.asking import Call, read
from llama_index.llms.cacheback.kinds import CHAT
from llama_index.llms.cacheback.memory import Memory
from pydantic import BaseModel, ValidationError

from cacheback import Answer, ClosedError, Reply, Request, Send

_FORMAT = "llama_index.structured"


def asks_directly(cls: type[LLM], method: str) -> bool:
    """Whether a class's own `structured_predict` never calls its `chat`, by what its code names."""
    own = inspect.unwrap(getattr(cls, method))
    in_core = own.__module__.startswith("llama_index.core.")
    return not in_core and not {"chat", "achat"} & set(own.__code__.co_names)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call of `structured_predict`."""

    method: str
    output_cls: type[BaseModel]
    prompt: PromptTemplate
    llm_kwargs: Mapping[str, Any] | None
    prompt_args: Mapping[str, Any]

    def of(self, llm: LLM) -> Any:
        """Make this call of an LLM."""
        kwargs = None if self.llm_kwargs is None else dict(self.llm_kwargs)
        method = getattr(llm, self.method)
        return method(self.output_cls, self.prompt, llm_kwargs=kwargs, **self.prompt_args)


def predicted(memory: Memory, wanted: Wanted) -> Any:
    """The object, from memory or from the LLM."""
    request = _request(memory, wanted)
    if request is None:
        return wanted.of(memory.inner)

    def send(_: Send) -> Reply:
        begun = time.perf_counter()
        return _reply(memory, wanted.of(memory.inner), begun)

    try:
        outcome = memory.cache.answer(request, send)
    except ClosedError:
        return wanted.of(memory.inner)
    if outcome.reply is not None:
        return outcome.reply.native
    made = _made(memory, wanted, outcome.answer)
    return wanted.of(memory.inner) if made is None else made


async def apredicted(memory: Memory, wanted: Wanted) -> Any:
    """`predicted` on the running event loop."""
    request = _request(memory, wanted)
    if request is None:
        return await wanted.of(memory.inner)

    async def send(_: Send) -> Reply:
        begun = time.perf_counter()
        return _reply(memory, await wanted.of(memory.inner), begun)

    try:
        outcome = await memory.cache.aanswer(request, send)
    except ClosedError:
        return await wanted.of(memory.inner)
    if outcome.reply is not None:
        return outcome.reply.native
    made = _made(memory, wanted, outcome.answer)
    return await wanted.of(memory.inner) if made is None else made


def _request(memory: Memory, wanted: Wanted) -> Request | None:
    """What the cache is asked; None, and counted, for a call that cannot be read."""
    try:
        messages = wanted.prompt.format_messages(**wanted.prompt_args)
        kwargs = {**(wanted.llm_kwargs or {}), "output_cls": wanted.output_cls}
        asked = read(Call(CHAT, wanted.method, messages, kwargs), memory.inner, None)
        return memory.request(replace(asked, parts={**asked.parts, "endpoint": "structured"}))
    except Exception as error:  # noqa: BLE001 - whatever somebody's prompt holds
        memory.cache.report_error(error)
        return None


def _reply(memory: Memory, native: Any, begun: float) -> Reply:
    seconds = time.perf_counter() - begun
    if not isinstance(native, BaseModel):
        return Reply(native, seconds=seconds)
    model = memory.inner.metadata.model_name
    answer = Answer(native.model_dump_json(), model=model, format=_FORMAT)
    return Reply(native, answer, seconds=seconds)


def _made(memory: Memory, wanted: Wanted, answer: Answer | None) -> BaseModel | None:
    """The object of an answer; None, and counted, if it does not fit."""
    try:
        return wanted.output_cls.model_validate_json(answer.text if answer else "")
    except ValidationError as error:
        memory.cache.report_error(error)
        return None
