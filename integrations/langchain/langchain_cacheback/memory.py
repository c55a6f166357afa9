"""Memory: one call of a chat model, as cacheback sees it, and back.

What may live here: from a model at hand, its messages and arguments to a request; from an outcome
to what LangChain expects. What it may not know: which of a model's methods was called.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, message_chunk_to_message
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import BaseModel, SecretStr

from cacheback import Answer, Controls, Outcome, Reply, Request, SemanticCache, Send
from langchain_cacheback.asking import (
    OPAQUE,
    Asked,
    asked_of,
    digest,
    is_credential,
    is_opaque,
    place,
)
from langchain_cacheback.generations import answer_of, generations_of, mark, output_of
from langchain_cacheback.replay import chunks
from langchain_cacheback.synthesis import Telling
from langchain_cacheback.turns import conversation, turns_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.messages.ai import UsageMetadata
    from langchain_core.outputs import Generation


@dataclass(frozen=True)
class Memory:
    """A cache, what is asked of it for all calls, and the classes of models that use it."""

    cache: SemanticCache
    controls: Controls
    classes: dict[type, type] = field(default_factory=dict)

    def request(
        self,
        model: BaseChatModel,
        messages: list[BaseMessage],
        arguments: Mapping[str, Any],
        *,
        stream: bool = False,
    ) -> Request | None:
        """The call as cacheback sees it; None where reading it failed, which is counted."""
        try:
            asked, tenant = _asked(model, arguments, named=self.cache.settings.tenant is not None)
            placed = place(asked, conversation(turns_of(messages)), tenant=tenant)
            return self.cache.request(
                placed.question,
                placed.parts,
                self.controls,
                limits=placed.limits,
                temperature=placed.temperature,
                patience=_patience(model),
                stream=stream,
                voice=Telling,
            )
        except Exception as error:  # noqa: BLE001 - what raises here would reach the caller
            self.cache.report_error(error)
            return None

    def reply(self, step: Send, result: ChatResult, begun: float) -> Reply:
        """What a call that began at this `time.perf_counter()` brought."""
        seconds = time.perf_counter() - begun
        answer: Answer | None = None
        try:
            answer = answer_of(result.generations, result.llm_output) if step.keep else None
        except Exception as error:  # noqa: BLE001 - as above: not stored
            self.cache.report_error(error)
        return Reply(result, answer, seconds=seconds)

    def result(self, outcome: Outcome, schema: object) -> ChatResult | None:
        """What an outcome is for `_generate`; None for a stored answer that cannot be told."""
        if outcome.reply is not None:
            return _marked(outcome.reply.native, outcome)
        try:
            if outcome.answer is None:
                return None
            generations = [_chat(one) for one in generations_of(outcome.answer)]
            for one in generations:
                _tell(one.message, outcome, schema)
            return ChatResult(generations=generations, llm_output=output_of(outcome.answer) or None)
        except Exception as error:  # noqa: BLE001 - as above: a miss
            self.cache.report_error(error)
            return None

    def replay(self, outcome: Outcome, schema: object) -> list[ChatGenerationChunk] | None:
        """A stored answer as the chunks of a stream; None for one that cannot be told."""
        result = self.result(outcome, schema)
        if result is None:
            return None
        first = result.generations[0]
        return list(chunks(cast("AIMessage", first.message), first.generation_info))


class Recorder:
    """Listens to the chunks of a stream; it is whole when the model has ended it by itself."""

    def __init__(self) -> None:
        self.ended = False
        self._chunks: list[ChatGenerationChunk] = []

    def feed(self, piece: ChatGenerationChunk) -> None:
        """Take in the next chunk, which nobody changes: every reader is given a copy."""
        self._chunks.append(piece)

    def answer(self) -> Answer | None:
        """The answer that the chunks add up to; None where it was cut short."""
        if not self._chunks:
            return None
        whole, *more = self._chunks
        whole = whole + more if more else whole
        message = message_chunk_to_message(whole.message)
        content = message.content
        if content and not isinstance(content, str) and all(isinstance(c, str) for c in content):
            # LangChain adds up texts and an empty list to a list of texts.
            message.content = "".join(cast("list[str]", content))
        return answer_of([ChatGeneration(message=message, generation_info=whole.generation_info)])

    def passing(self, stream: Iterator[Any]) -> Generator[Any]:
        """The stream; notices its end, which comes after the last chunk."""
        yield from stream
        self.ended = True

    async def apassing(self, stream: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
        """The same of an asynchronous stream."""
        async with aclosing(stream):
            async for piece in stream:
                yield piece
        self.ended = True


def _asked(
    model: BaseChatModel, arguments: Mapping[str, Any], *, named: bool
) -> tuple[Asked, str | None]:
    """How a model is asked, and whose answers these are if nobody is named."""
    secrets = _secrets(model)
    credentials = {name: value for name, value in secrets.items() if is_credential(name)}
    dumped = dumpd(model)
    own = {k: v for k, v in dumped.get("kwargs", {}).items() if k not in secrets}
    if dumped["type"] == "not_implemented":
        own = _own_fields(model, secrets)
    # Such as the servers whose tools a model may call: no credentials, and yet kept secret.
    hidden = {name: digest(value) for name, value in secrets.items() if name not in credentials}
    told = {name: _json(value) for name, value in arguments.items()}
    asked = asked_of({"id": dumped["id"], "kwargs": own}, {**_model(model, own), **hidden, **told})
    if named or not credentials:
        return asked, None
    # The tokens that a function gives change all the time, and do not tell whose they are.
    changing = any(callable(value) for value in credentials.values())
    return replace(asked, opaque=asked.opaque or changing), digest(credentials)


def _secrets(model: BaseChatModel) -> dict[str, Any]:
    """The values of all that a model keeps secret, by name."""
    named = set(model.lc_secrets)
    found = {name: getattr(model, name, None) for name in {*named, *type(model).model_fields}}
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in found.items()
        if isinstance(value, SecretStr) or (name in named and value is not None)
    }


def _own_fields(model: BaseChatModel, secrets: Mapping[str, Any]) -> dict[str, Any]:
    """What a model that cannot be dumped says of itself, and all its fields that are plain data."""
    fields = {name: _json(getattr(model, name)) for name in type(model).model_fields}
    plain = {name: value for name, value in fields.items() if not is_opaque(value)}
    said = {name: _json(value) for name, value in model._identifying_params.items()}
    return {name: value for name, value in {**plain, **said}.items() if name not in secrets}


def _model(model: BaseChatModel, own: Mapping[str, Any]) -> dict[str, Any]:
    """The model's name where it is a default: a dump leaves it out, and a release may change it."""
    if any(name in own for name in ("model", "model_name")):
        return {}
    return {"model": model._get_ls_params().get("ls_model_name")}


def _json(value: Any) -> Any:
    """An argument as JSON: a Pydantic class by its schema, what cannot be told by its type."""
    if isinstance(value, Mapping):
        return {str(name): _json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, type) and issubclass(value, BaseModel):
        return {"class": value.__name__, "schema": value.model_json_schema()}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return f"{OPAQUE}{type(value).__name__}"


def _patience(model: BaseChatModel) -> float | None:
    """How long a call may wait for an equal one: as long as it would wait for its own answer."""
    names = ("request_timeout", "default_request_timeout", "timeout")
    given = next((getattr(model, name) for name in names if hasattr(model, name)), None)
    return float(given) if isinstance(given, int | float) else None


def _marked(result: ChatResult, outcome: Outcome) -> ChatResult:
    """Upstream's own result, with the outcome told in it."""
    for one in result.generations:
        mark(one.message, outcome)
    return result


def _chat(generation: Generation) -> ChatGeneration:
    if isinstance(generation, ChatGeneration):
        return generation
    return ChatGeneration(message=AIMessage(content=generation.text))


def _tell(message: BaseMessage, outcome: Outcome, schema: object) -> None:
    """Make a stored message the answer to this call."""
    mark(message, outcome)
    if isinstance(message, AIMessage) and message.usage_metadata:
        # As LangChain's own caches have it: the tokens are told, and cost nothing this time.
        message.usage_metadata = cast("UsageMetadata", {**message.usage_metadata, "total_cost": 0})
    parsed = message.additional_kwargs.get("parsed")
    if isinstance(schema, type) and issubclass(schema, BaseModel) and isinstance(parsed, dict):
        message.additional_kwargs["parsed"] = schema.model_validate(parsed)
