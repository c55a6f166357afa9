"""CachebackLLM: an LLM of LlamaIndex with a memory, which stays the LLM that it is."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
)
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.llms.cacheback.asking import Call
from llama_index.llms.cacheback.kinds import CHAT, COMPLETION
from llama_index.llms.cacheback.memory import Memory
from llama_index.llms.cacheback.opening import opened, reopened
from llama_index.llms.cacheback.prompts import Origin, PromptedMessages, PromptedText, origin
from llama_index.llms.cacheback.structured import Wanted, apredicted, asks_directly, predicted
from pydantic import BaseModel

from cacheback import ConfigurationError, Controls, SemanticCache

# Where pydantic keeps what an object holds. An LLM and the same LLM with a memory hold the same
# dictionaries: whatever is set on one, such as the callback manager, is set on the other.
_STATE = (
    "__dict__",
    "__pydantic_fields_set__",
    "__pydantic_extra__",
    "__pydantic_private__",
)

if TYPE_CHECKING:
    from llama_index.core.llms import LLM as _Base  # noqa: N811 - what is made of it really is one
else:
    _Base = object


class CachebackLLM(_Base):
    """An LLM of LlamaIndex, answered from memory when that is safe.

        Settings.llm = CachebackLLM(OpenAI(model="gpt-4o-mini"), cache="~/.cacheback")

    What is made is an LLM of the given one's own class (of a subclass made for the purpose), with
    its settings, its clients and its methods; only its eight endpoints (`chat`, `complete`, their
    streams, and the asynchronous four) look into the memory first. Both share their state: a
    setting changed on one is changed on the other.

    Args:
        llm: any LLM.
        cache: a `cacheback.SemanticCache` to share, or the directory of one.
        controls: what every call asks of the cache (`cacheback.Controls`): a mode, a time to live,
            a threshold, a namespace, tags.
        index_version: names what the query engines of this LLM retrieve from, as a text or a
            function that gives it, such as `index_version(index)`. Then a question that means the
            same is answered whatever was retrieved for it, as long as the version is the same.
            None (the default): only with the same retrieved context.
        **settings: of a cache of its own; see `cacheback.Settings`.

    Raises:
        ConfigurationError: `llm` is not an LLM, or has a memory already; a setting cannot work, or
            is given beside a cache that exists.
    """

    if TYPE_CHECKING:
        cacheback: Memory

    def __new__(
        cls,
        llm: LLM,
        cache: SemanticCache | str | Path | None = None,
        *,
        controls: Controls = Controls(),  # noqa: B008 - it cannot be changed
        index_version: str | Callable[[], str] | None = None,
        **settings: Any,
    ) -> Any:
        if not isinstance(llm, LLM):
            raise ConfigurationError(f"an LLM of LlamaIndex is needed, not {llm!r}")
        if isinstance(llm, CachebackLLM):
            raise ConfigurationError("this LLM has a memory already; it is its `cacheback.cache`")
        return _remembering(Memory(llm, opened(cache, settings), controls, index_version))

    def __init__(self, *_: Any, **__: Any) -> None:
        """All is done: an LLM's own `__init__` would begin anew."""

    # The eight endpoints ---------------------------------------------------------------------

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._ask(Call(CHAT, "chat", messages, kwargs))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        return self._ask(Call(CHAT, "stream_chat", messages, kwargs))

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return await self._aask(Call(CHAT, "achat", messages, kwargs))

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        return await self._aask(Call(CHAT, "astream_chat", messages, kwargs))

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return self._ask(_completing("complete", prompt, formatted, kwargs))

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        return self._ask(_completing("stream_complete", prompt, formatted, kwargs))

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        return await self._aask(_completing("acomplete", prompt, formatted, kwargs))

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        return await self._aask(_completing("astream_complete", prompt, formatted, kwargs))

    def _ask(self, call: Call) -> Any:
        return self.cacheback.call(call, self)

    async def _aask(self, call: Call) -> Any:
        return await self.cacheback.acall(call, self)

    # Prompts: `predict`, `stream` and their twins make what they send with these ---------------

    def _get_messages(self, prompt: BasePromptTemplate, **prompt_args: Any) -> list[ChatMessage]:
        made = super()._get_messages(prompt, **prompt_args)
        return PromptedMessages(made, self._origin(prompt, prompt_args))

    def _get_prompt(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        made = super()._get_prompt(prompt, **prompt_args)
        return PromptedText(made, self._origin(prompt, prompt_args))

    def _origin(self, prompt: BasePromptTemplate, given: Mapping[str, Any]) -> Origin:
        try:
            return origin(prompt, given, self)
        except Exception as error:  # noqa: BLE001 - whatever somebody's prompt holds
            self.cacheback.cache.report_error(error)
            return Origin()

    # Structured output of LLMs that do not make it of their `chat` -----------------------------

    def structured_predict(
        self,
        output_cls: type[BaseModel],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Any:
        memory = self.cacheback
        if asks_directly(type(memory.inner), "structured_predict"):
            wanted = Wanted("structured_predict", output_cls, prompt, llm_kwargs, prompt_args)
            return predicted(memory, wanted)
        inherited = super().structured_predict
        return inherited(output_cls, prompt, llm_kwargs=llm_kwargs, **prompt_args)

    async def astructured_predict(
        self,
        output_cls: type[BaseModel],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Any:
        memory = self.cacheback
        if asks_directly(type(memory.inner), "astructured_predict"):
            wanted = Wanted("astructured_predict", output_cls, prompt, llm_kwargs, prompt_args)
            return await apredicted(memory, wanted)
        inherited = super().astructured_predict
        return await inherited(output_cls, prompt, llm_kwargs=llm_kwargs, **prompt_args)

    # State -----------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on the LLM itself, by its own rules, which may make its dictionaries anew."""
        setattr(self.cacheback.inner, name, value)
        _share(self.cacheback.inner, self)

    def __copy__(self) -> Any:
        return self._with(copy.copy(self.cacheback.inner))

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Any:
        """A copy of the LLM; the memory is the same."""
        return self._with(copy.deepcopy(self.cacheback.inner, memo))

    def __reduce__(self) -> Any:
        """As the LLM pickles; where it is unpickled, the cache is opened anew from its settings."""
        memory = self.cacheback
        given = (memory.inner, memory.cache.settings, memory.controls, memory.index_version)
        return _unpickled, given

    def _with(self, inner: LLM) -> Any:
        memory = self.cacheback
        return _remembering(Memory(inner, memory.cache, memory.controls, memory.index_version))


def _completing(method: str, prompt: str, formatted: bool, kwargs: dict[str, Any]) -> Call:
    """A call of a completion, told to the LLM and its observers as it was made."""
    return Call(COMPLETION, method, prompt, {**kwargs, "formatted": True} if formatted else kwargs)


def _remembering(memory: Memory) -> Any:
    cls = _class_for(type(memory.inner))
    made: Any = object.__new__(cls)
    _share(memory.inner, made)
    object.__setattr__(made, "cacheback", memory)
    return made


def _share(inner: LLM, outer: Any) -> None:
    for name in _STATE:
        object.__setattr__(outer, name, getattr(inner, name))


@cache
def _class_for(cls: Any) -> type:
    """The given class, with a memory; its own `isinstance` and overridden methods go on to hold."""
    namespace = {"__slots__": ("cacheback",), "__module__": cls.__module__, "__doc__": cls.__doc__}
    # In a slot, which pydantic does not see: what it sees is shared with the LLM itself.
    return type(cls)(f"Cacheback{cls.__name__}", (CachebackLLM, cls), namespace)


def _unpickled(
    inner: LLM, settings: Any, controls: Controls, index_version: str | Callable[[], str] | None
) -> Any:
    return _remembering(Memory(inner, reopened(settings), controls, index_version))
