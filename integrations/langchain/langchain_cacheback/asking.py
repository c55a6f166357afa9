"""Asking: the configuration of a model, and of one call of it, as scope.

What may live here: what the fields of models and the arguments of calls mean for an answer. Fields
are known by their names, which are much alike in all of LangChain's models; a name that is not
known counts as it is. Nothing that may be secret is told in plain; only its digest is.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cacheback import Reason
from langchain_cacheback.turns import Conversation

Fields = Mapping[str, Any]

# What cannot change an answer: who watches, how it is transported, tried again, counted, billed.
_WITHOUT_EFFECT = frozenset(
    {
        "async_client",
        "cache",
        "callbacks",
        "client",
        "custom_get_token_ids",
        "default_request_timeout",
        "disable_streaming",
        "http_async_client",
        "http_client",
        "http_socket_options",
        "ls_structured_output_format",
        "max_retries",
        "metadata",
        "name",
        "profile",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "rate_limiter",
        "request_timeout",
        "root_async_client",
        "root_client",
        "safety_identifier",
        "stream",
        "stream_chunk_timeout",
        "stream_options",
        "stream_usage",
        "streaming",
        "structured_output_format",
        "tags",
        "tiktoken_model_name",
        "timeout",
        "user",
        "user_profile_id",
        "verbose",
    }
)
_MODELS = ("model", "model_name", "model_id", "deployment_name", "azure_deployment")
_ENDPOINTS = ("api_base", "api_url", "base_url", "endpoint", "proxy")
_SECRETIVE = frozenset({"default_headers", "default_query", "extra_headers", "extra_query"})
_TOOLS = (
    "tools",
    "functions",
    "mcp_servers",
    "web_search_options",
    "built_in_tools",
    "toolConfig",
    "tool_config",
)
_CHOICES = ("tool_choice", "function_call", "parallel_tool_calls", "any_tool")
_SHAPES = (
    "response_format",
    "response_mime_type",
    "response_schema",
    "format",
    "text",
    "text_format",
    "output_config",
    "output_format",
    "guided_json",
)
_CHOSEN = frozenset({"n", "best_of", "candidate_count"})
_STATEFUL = frozenset(
    {
        "background",
        "container",
        "conversation",
        "previous_response_id",
        "reuse_last_container",
        "store",
        "use_previous_response_id",
    }
)
_CREDENTIALS = re.compile(r"key|token|secret|password|credential|organization", re.IGNORECASE)

# An object in the text of a call's arguments; what it holds cannot be told from its name.
_OBJECT = re.compile(r"<(?:[^<>]|<[^<>]*>)*>")
OPAQUE = "cacheback:opaque "
"""Begins the text that stands for such an object."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a model is asked: its class, its fields and a call's arguments, in one mapping.

    `opaque` tells that something in it that may matter is not known, as only its name is.
    """

    provider: str
    fields: Fields
    opaque: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """What `cacheback.SemanticCache.request` wants to know of a call."""

    question: str
    parts: dict[str, Any]
    limits: tuple[Reason, ...]
    temperature: float | None = field(default=None)


def asked_as(llm_string: str) -> Asked:
    """Read what LangChain tells a cache of a model.

    It is JSON of the model and, after three dashes, the `repr` of a sorted list of arguments; of
    models that cannot be dumped it is only such a list, which then tells their own fields, too.
    """
    dumped, arguments = _dumped(llm_string)
    listed = _literal(arguments)
    if listed is None:
        # No configuration that LangChain writes, such as a text of one's own: it counts as it is.
        return Asked(digest(llm_string), {}, opaque=dumped is not None)
    return asked_of(dumped or {}, listed)


def asked_of(dumped: Mapping[str, Any], arguments: Fields) -> Asked:
    """The same of a dumped model and a call's arguments.

    A secret stands in the dump by its name only. That is right for a credential (whose answers
    they are is the tenant's to tell), and not for anything else that is kept secret.
    """
    own = dumped.get("kwargs", {})
    secrets = {name for name, value in own.items() if _is_secret(value)}
    given = {name: value for name, value in own.items() if name not in secrets}
    merged = {**_flat(given), **_flat(arguments)}
    told = {name: value for name, value in merged.items() if name not in _WITHOUT_EFFECT}
    hidden = {name for name in secrets if not is_credential(name)}
    return Asked(
        provider=".".join(dumped.get("id", ())),
        fields={name: value for name, value in told.items() if value not in (None, [], {})},
        opaque=bool(hidden) or is_opaque(list(told.values())),
    )


def is_credential(name: str) -> bool:
    """True for the name of a secret that tells who asks, and nothing of what is asked."""
    return _CREDENTIALS.search(name) is not None


def _flat(fields: Fields) -> dict[str, Any]:
    """Fields that are sent beside the others, whatever they were given in."""
    flat = dict(fields)
    for name in ("model_kwargs", "extra_body"):
        nested = flat.pop(name, None)
        flat.update(
            nested if isinstance(nested, Mapping) else {} if nested is None else {name: nested}
        )
    return flat


def place(asked: Asked, turns: Conversation, **parts: Any) -> Placed:
    """A call in its place: the question, the parts of its scope, what limits the tiers."""
    found = {
        **_parts(asked),
        "system": turns.system,
        "history": turns.history,
        "attachments": turns.attachments,
        **parts,
    }
    temperature = asked.fields.get("temperature")
    return Placed(
        question=turns.question,
        parts={name: value for name, value in found.items() if value not in (None, [], {}, "")},
        limits=tuple(_limits(asked, turns)),
        temperature=temperature if isinstance(temperature, int | float) else None,
    )


def digest(value: Any) -> str:
    """The SHA-256 of a JSON value, by which what may be secret is told."""
    text = json.dumps(value, sort_keys=True, default=repr)
    return "sha256:" + hashlib.sha256(b"cacheback langchain 1\n" + text.encode()).hexdigest()


def _parts(asked: Asked) -> dict[str, Any]:
    left = dict(asked.fields)
    model = [left.pop(name) for name in _MODELS if name in left]
    endpoint = {name: _address(left.pop(name)) for name in list(left) if name.endswith(_ENDPOINTS)}
    secretive = {name: digest(left.pop(name)) for name in list(left) if _may_be_secret(name, left)}
    return {
        "provider": asked.provider,
        "endpoint": endpoint,
        "model": model[0] if len(model) == 1 else model,
        "tools": _taken(left, _TOOLS),
        "tool_choice": _taken(left, _CHOICES),
        "response_format": _taken(left, (*_SHAPES, *_CHOSEN, "logprobs", "top_logprobs")),
        "parameters": {**left, **secretive},
    }


def _may_be_secret(name: str, fields: Fields) -> bool:
    return name in _SECRETIVE or (is_credential(name) and isinstance(fields[name], str))


def _taken(fields: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: fields.pop(name) for name in names if name in fields}


def _address(address: Any) -> Any:
    """An address; one with a name or a query, where a key may stand, by its digest."""
    plain = isinstance(address, str) and "@" not in address and "?" not in address
    return address if plain else digest(address)


def _limits(asked: Asked, turns: Conversation) -> Iterator[Reason]:
    fields = asked.fields
    if asked.opaque or any(fields.get(name) not in (None, False) for name in _STATEFUL):
        yield Reason.STATEFUL
    if not turns.question.strip():
        yield Reason.NO_QUESTION
    if turns.has_tools or any(name in fields for name in _TOOLS):
        yield Reason.TOOLS_EXACT_ONLY
    if any(_is_structured(fields[name]) for name in _SHAPES if name in fields):
        yield Reason.STRUCTURED_EXACT_ONLY
    if any(fields.get(name, 1) != 1 for name in _CHOSEN):
        yield Reason.CHOICES_EXACT_ONLY
    if fields.get("logprobs") or fields.get("top_logprobs"):
        yield Reason.LOGPROBS_EXACT_ONLY


def _is_structured(shape: Any) -> bool:
    """True unless it says no more than that text is wanted, or how much of it."""
    if not isinstance(shape, Mapping) or shape.get("type") == "text":
        return not isinstance(shape, Mapping)
    return not shape.keys() <= {"effort", "verbosity", "task_budget"}


# Reading what LangChain wrote -------------------------------------------------------------------


def _dumped(llm_string: str) -> tuple[dict[str, Any] | None, str]:
    """The JSON at the beginning, if there is any, and the text of the arguments."""
    if not llm_string.startswith("{"):
        return None, llm_string
    try:
        dumped, end = json.JSONDecoder().raw_decode(llm_string)
    except ValueError:
        return None, llm_string
    return dumped, llm_string[end:].removeprefix("---")


def _literal(arguments: str) -> dict[str, Any] | None:
    """The arguments; an object among them is `OPAQUE`. None where they cannot be read."""
    for text in (arguments, _OBJECT.sub(lambda found: repr(OPAQUE + found[0]), arguments)):
        try:
            return {str(name): _plain(value) for name, value in ast.literal_eval(text)}
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None


def _plain(value: Any) -> Any:
    """A literal as JSON; what JSON does not know is told by its text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def _is_secret(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("lc") == 1 and value.get("type") == "secret"


def is_opaque(value: Any) -> bool:
    """True where something that may matter stands in a value by its name only."""
    if isinstance(value, str):
        return value.startswith(OPAQUE)
    if isinstance(value, Mapping):
        return value.get("type") == "not_implemented" or is_opaque(list(value.values()))
    return isinstance(value, list) and any(is_opaque(one) for one in value)
