"""CachebackCache: for `set_llm_cache` and the `cache=` of a model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langchain_core.caches import BaseCache
from langchain_core.outputs import ChatGeneration

from cacheback import Answer, Controls, Outcome, Reply, Request, SemanticCache, Send
from langchain_cacheback.asking import asked_as, place
from langchain_cacheback.generations import answer_of, generations_of, mark, output_of
from langchain_cacheback.opening import opened
from langchain_cacheback.turns import conversation, plain, turns_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.outputs import Generation

_TAG = "langchain:llm-cache"


class CachebackCache(BaseCache):
    """A cache for all models of a program, or for one: exact, then by meaning.

        >>> set_llm_cache(CachebackCache())

    Of a prompt, the last human text is the question; everything else that reaches the model must
    be equal. Turns that may call tools, and structured output, are answered for the same text only;
    structured output by a Pydantic class, of which LangChain tells a cache no more than the name,
    is not cached here: `cached` sees the schema. LangChain asks a cache neither for streams nor for
    the callbacks of tokens, and never tells it of a call that failed, so that equal calls at the
    same time are each made: `cached` has all that, too.

    LangChain tells a cache everything about a model but its API key. Where one program uses keys
    whose answers must not be shared, give each model a cache with a `tenant` or a namespace of its
    own, or use `cached`, which sees the key and tells tenants apart by its digest.

    A hit's message tells in its `response_metadata` what the cache did: `cacheback.info` reads it.

    Args:
        cache: a `cacheback.SemanticCache` to share; None makes one of `settings`.
        controls: mode, time to live, threshold, namespace and tags of all that passes.
        **settings: as for `cacheback.SemanticCache`.

    Raises:
        ConfigurationError: a setting cannot work, or is given beside a cache.
    """

    def __init__(
        self,
        cache: SemanticCache | None = None,
        *,
        controls: Controls | None = None,
        **settings: Any,
    ) -> None:
        self.cache = opened(cache, settings)
        given = controls or Controls()
        own = self.cache.settings
        self._tag = _tag(own.tenant, given.namespace or own.namespace)
        self._controls = replace(given, tags=(*given.tags, self._tag))

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """The generations of a hit, copied, with fresh ids; None on a miss.

        Raises:
            BlockedError: the question matches a blocked pattern.
            NotCachedError: the mode is `only-if-cached`, and nothing may answer.
        """
        request = self._request(prompt, llm_string)
        return None if request is None else self._told(self.cache.answer(request, _elsewhere))

    async def alookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """`lookup` on the running event loop."""
        request = self._request(prompt, llm_string)
        if request is None:
            return None
        return self._told(await self.cache.aanswer(request, _aelsewhere))

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Store generations that are complete. A failure is counted and does not raise."""
        request = self._request(prompt, llm_string)
        if request is not None:
            self.cache.record(request, self._reply(return_val))

    async def aupdate(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """`update` on the running event loop."""
        request = self._request(prompt, llm_string)
        if request is not None:
            await self.cache.arecord(request, self._reply(return_val))

    def clear(self, **kwargs: Any) -> None:
        """Delete what this cache wrote, or another one with its tenant and namespace.

        Args:
            **kwargs: `older_than`, seconds.

        Raises:
            StoreError: it could not be deleted.
        """
        self.cache.invalidate(tags=[self._tag], **kwargs)

    async def aclear(self, **kwargs: Any) -> None:
        """`clear` on the running event loop."""
        await self.cache.ainvalidate(tags=[self._tag], **kwargs)

    def _request(self, prompt: str, llm_string: str) -> Request | None:
        """The call as cacheback sees it; None where reading it failed, which is counted."""
        try:
            turns = turns_in(prompt)
            placed = place(asked_as(llm_string), conversation(turns) if turns else plain(prompt))
            return self.cache.request(
                placed.question,
                placed.parts,
                self._controls,
                limits=placed.limits,
                temperature=placed.temperature,
            )
        except Exception as error:  # noqa: BLE001 - what raises here would reach the caller
            self.cache.report_error(error)
            return None

    def _told(self, outcome: Outcome) -> list[Generation] | None:
        if outcome.answer is None or outcome.reply is not None:
            return None
        try:
            return _told(outcome, outcome.answer)
        except Exception as error:  # noqa: BLE001 - as above: a miss
            self.cache.report_error(error)
            return None

    def _reply(self, generations: Sequence[Generation]) -> Reply:
        try:
            return Reply(generations, answer_of(generations))
        except Exception as error:  # noqa: BLE001 - as above: not stored
            self.cache.report_error(error)
            return Reply(generations)


def _elsewhere(_: Send) -> Reply:
    """A miss: LangChain calls the model, and then `update`."""
    return Reply(None)


async def _aelsewhere(_: Send) -> Reply:
    return Reply(None)


def _told(outcome: Outcome, answer: Answer) -> list[Generation]:
    """The generations of a hit: of a chat model with a fresh id and with the outcome's marks."""
    generations = generations_of(answer)
    output = output_of(answer) if len(generations) == 1 else {}
    for one in generations:
        if isinstance(one, ChatGeneration):
            # LangGraph takes two messages of one id for the same message.
            one.message.id = f"lc_run--{uuid4()}"
            one.message.response_metadata = {**output, **one.message.response_metadata}
            mark(one.message, outcome)
    return generations


def _tag(tenant: str | None, namespace: str | None) -> str:
    """What an entry is tagged with, so that `clear` deletes these and no others."""
    if tenant is None and namespace is None:
        return _TAG
    whose = json.dumps([tenant, namespace]).encode()
    return f"{_TAG}:{hashlib.sha256(whose).hexdigest()}"
