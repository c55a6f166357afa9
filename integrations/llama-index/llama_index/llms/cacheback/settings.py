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
from typing import Any

from llama_index.core.base.llms.generic_utils import messages_to_prompt
from llama_index.core.llms import LLM
from llama_index.llms.cacheback.shown import shown

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

_SECRET = re.compile(
    r"key|token$|token_|secret|password|credential|authoriz|headers", re.IGNORECASE
)
_NO_SECRET = frozenset({"max_tokens", "max_token_limit", "num_tokens"})


class Configured:
    """What counts of an LLM's settings and of one call's arguments, which win over them."""

    def __init__(self, llm: LLM, kwargs: Fields) -> None:
        self.llm = llm
        own = {name: getattr(llm, name, None) for name in _counting(type(llm))}
        extra = own.pop("additional_kwargs", None)
        generation = own.pop("generate_kwargs", None)
        self.fields: dict[str, Any] = own
        for more in (extra, generation, kwargs):
            if isinstance(more, Mapping):
                self.fields.update(more)

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
    def address(self) -> str:
        """The integration, and where it calls."""
        told = [str(value) for name in _ADDRESSES if (value := self.fields.get(name))]
        return " ".join([type(self.llm).class_name(), *told])

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
            if name not in known and value not in (None, [], {}) and not _is_credential(name)
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
            str(value) for name, value in self.fields.items() if value and _is_credential(name)
        }
        for client in (self.llm.__pydantic_private__ or {}).values():
            found |= {value for value in _client_credentials(client) if value}
        return _digest(sorted(found)) if found else None

    def _named(self, names: tuple[str, ...]) -> dict[str, Any]:
        given = {name: self.fields.get(name) for name in names}
        return {
            name: shown(value)
            for name, value in given.items()
            if value not in (None, [], {}, False, 0) and (name, value) != ("n", 1)
        }


def _counting(cls: type[LLM]) -> Iterator[str]:
    """The fields that are settings: those that LlamaIndex never writes out hold parts of the
    program, such as callbacks, or what a call left behind."""
    for name, field in cls.model_fields.items():
        if not field.exclude or name == "messages_to_prompt" or _is_credential(name):
            yield name


def _client_credentials(client: Any) -> Iterator[str]:
    for name in ("api_key", "auth_token", "organization", "project"):
        value = getattr(client, name, None)
        if isinstance(value, str):
            yield value


def _is_credential(name: str) -> bool:
    return name not in _NO_SECRET and not name.endswith("headers") and bool(_SECRET.search(name))


def _hidden(name: str, value: Any) -> Any:
    """A setting as JSON: headers by digest, and whatever within it may be secret, too."""
    told = shown(value)
    if isinstance(told, Mapping):
        return {
            key: _digest(one) if _SECRET.search(f"{name}.{key}") else one
            for key, one in told.items()
        }
    return told


def _digest(value: Any) -> str:
    data = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(b"cacheback llama-index 1\n" + data).hexdigest()
