"""An LLM's own settings, and the arguments of one call, as parts of a scope.

What may live here: what the fields of LLMs and the arguments of calls mean for an answer. They are
known by their names, which are much alike in all integrations; a name that is not known counts as
it is. Nothing that may be secret is told in plain; only its digest is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.generic_utils import messages_to_prompt
from llama_index.core.llms import LLM
from llama_index.llms.cacheback.shown import shown
from pydantic import SecretStr

Fields = Mapping[str, Any]

# What cannot change an answer: how it is transported, tried again, shown or billed.
_WITHOUT_EFFECT = frozenset(
    {
        "async_http_client",
        "http_client",
        "max_retries",
        "num_workers",
        "request_timeout",
        "reuse_client",
        "stream",
        "stream_options",
        "timeout",
        "user",
        "verbose",
    }
)
_MODELS = frozenset({"model", "model_id", "model_name", "deployment_name", "engine"})
_ADDRESSES = ("api_base", "azure_endpoint", "base_url", "endpoint", "endpoint_url", "api_url")
_TOOLS = ("tools", "functions", "mcp_servers", "built_in_tools", "web_search_options")
_CHOICES = ("tool_choice", "function_call", "parallel_tool_calls", "tool_required")
_SHAPES = ("response_format", "format", "json_schema", "output_cls", "response_schema", "n")
_LOGPROBS = ("logprobs", "top_logprobs")
_STATE = ("store", "previous_response_id", "track_previous_responses", "conversation", "background")

# What makes the text of a call, or is another part of its scope.
_ELSEWHERE = frozenset({"messages_to_prompt", "pydantic_program_mode", "system_prompt"})

# Saying one of these is the same as not saying it.
_DEFAULTS: Fields = {"n": 1, "logprobs": False, "top_logprobs": 0, "tool_required": False}

_SECRET = re.compile(
    r"key|token$|token_|secret|password|credential|authoriz|headers", re.IGNORECASE
)


class Configured:
    """What counts of an LLM's settings and of one call's arguments.

    Where both name one thing, integrations do not agree which wins: then each of them counts.
    """

    def __init__(self, llm: LLM, kwargs: Fields) -> None:
        self.llm = llm
        own = {name: getattr(llm, name, None) for name in _counting(type(llm))}
        more = [own.pop(name, None) for name in ("additional_kwargs", "generate_kwargs")]
        sources = [one for one in (own, *more, kwargs) if isinstance(one, Mapping)]
        self.fields: dict[str, Any] = {}
        for source in sources:
            for name, value in source.items():
                if not _is_empty(value):
                    self.fields[name] = _both(self.fields.get(name), value)

    def get(self, name: str) -> Any:
        return self.fields.get(name)

    @property
    def tools(self) -> Any:
        return self._named(_TOOLS)

    @property
    def choice(self) -> Any:
        return self._named(_CHOICES)

    @property
    def shape(self) -> Any:
        """Whatever makes a reply another kind of object."""
        return self._named((*_SHAPES, *_LOGPROBS))

    @property
    def stateful(self) -> bool:
        return any(self.fields.get(name) for name in _STATE)

    @property
    def temperature(self) -> float | None:
        """The highest that is named."""
        value = self.fields.get("temperature")
        named = value.values if isinstance(value, _Several) else [value]
        return max(filter(None, map(number, named)), default=number(value))

    @property
    def address(self) -> str:
        """The integration, and where it calls; an address that may hold a secret by digest."""
        told = [str(value) for name in _ADDRESSES if (value := self.fields.get(name))]
        plain = [_digest(one) if "@" in one or "?" in one else one for one in told]
        return " ".join([type(self.llm).class_name(), *plain])

    @property
    def model(self) -> Any:
        """The model's name, and whatever names another one."""
        name = self.llm.metadata.model_name
        given = {one: self.fields[one] for one in _MODELS if one in self.fields}
        others = {one: _shown(value) for one, value in given.items() if value != name}
        return {"name": name, **others} if others else name

    @property
    def parameters(self) -> dict[str, Any]:
        """Every other setting that has a value, known or not.

        Raises:
            TypeError: an argument of the call has no form as JSON.
        """
        known = {*_WITHOUT_EFFECT, *_MODELS, *_ADDRESSES, *_TOOLS, *_CHOICES, *_SHAPES}
        known |= {*_LOGPROBS, *_STATE, *_ELSEWHERE}
        told = {
            name: _hidden(name, value)
            for name, value in self.fields.items()
            if name not in known and not _is_credential(name, value)
        }
        formatter = self.fields.get("messages_to_prompt")
        if formatter not in (None, messages_to_prompt):
            told["messages_to_prompt"] = shown(formatter)
        return told

    @property
    def tenant(self) -> str | None:
        """A digest of the credentials that the LLM holds; None where none can be seen.

        They are among its settings, or within its clients.
        """
        found = {
            str(secret)
            for name, value in self.fields.items()
            if _is_credential(name, value)
            for one in (value.values if isinstance(value, _Several) else [value])
            if (secret := _secret(one))
        }
        for client in (self.llm.__pydantic_private__ or {}).values():
            found |= set(_client_credentials(client))
        return _digest(sorted(found)) if found else None

    def _named(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {
            name: _shown(self.fields[name])
            for name in names
            if name in self.fields and self.fields[name] != _DEFAULTS.get(name)
        }


@dataclass(frozen=True, slots=True)
class _Several:
    """What more than one source says of one thing."""

    values: tuple[Any, ...]


def _both(before: Any, value: Any) -> Any:
    if before is None or before == value:
        return value
    return _Several((*(before.values if isinstance(before, _Several) else (before,)), value))


def _shown(value: Any) -> Any:
    return {"each": shown(value.values)} if isinstance(value, _Several) else shown(value)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | tuple | dict) and not value)


def number(value: Any) -> float | None:
    """A setting that is a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None


def _counting(cls: type[LLM]) -> Iterator[str]:
    """The fields that are settings: those that LlamaIndex never writes out hold parts of the
    program, such as callbacks, or what a call left behind."""
    for name, field in cls.model_fields.items():
        if not field.exclude or name == "messages_to_prompt" or _SECRET.search(name):
            yield name


def _client_credentials(client: Any) -> Iterator[str]:
    for name in ("api_key", "auth_token", "organization", "project"):
        if secret := _secret(getattr(client, name, None)):
            yield secret


def _is_credential(name: str, value: Any) -> bool:
    """Whether a setting says who asks: a number of that name does not, such as `max_tokens`."""
    one = value.values[0] if isinstance(value, _Several) else value
    if isinstance(one, SecretStr):
        return True
    named = bool(_SECRET.search(name)) and not name.endswith("headers")
    return named and (isinstance(one, str) or callable(one))


def _secret(value: Any) -> str | None:
    """The secret itself: as text, pydantic's secrets all look alike. None for what makes one."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if isinstance(value, str) else None


def _hidden(name: str, value: Any) -> Any:
    """A setting as JSON: headers by digest, and whatever within it may be secret, too."""
    told = _shown(value)
    return _digest(told) if name.endswith("headers") else _veiled(told)


def _veiled(told: Any) -> Any:
    if isinstance(told, Mapping):
        return {
            key: _digest(one) if _SECRET.search(key) else _veiled(one) for key, one in told.items()
        }
    return [_veiled(one) for one in told] if isinstance(told, list) else told


def _digest(value: Any) -> str:
    data = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(b"cacheback llama-index 1\n" + data).hexdigest()
