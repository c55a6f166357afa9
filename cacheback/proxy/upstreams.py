"""Where a request goes: by its path, by a header that only one kind of client sends, by model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import urlsplit

from cacheback.errors import ConfigurationError
from cacheback.models import JSON
from cacheback.proxy.headers import value_of
from cacheback.proxy.keys import BEARER, RawHeaders

Dialect = Literal["openai", "anthropic"]

# What only Anthropic has; of the paths that both have (models, files) the header tells.
_ANTHROPIC_PATHS = ("/v1/messages", "/v1/complete", "/v1/skills")
_ANTHROPIC_HEADER = b"anthropic-version"
_VERSION = "/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A provider.

    Args:
        name: what it is called in the configuration.
        url: its base URL, as one would give it to an SDK: with or without `/v1` at its end.
        speaks: whose dialect: `openai` or `anthropic`.
        models: prefixes of the models that it has; empty for the one that gets all others.
        api_key: the server's own key for it.

    Raises:
        ConfigurationError: the URL cannot be one, or there is no such dialect.
    """

    name: str
    url: str
    speaks: Dialect = "openai"
    models: tuple[str, ...] = ()
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        usable = parts.scheme in {"http", "https"} and parts.hostname
        if not usable or parts.query or parts.fragment or parts.username:
            raise ConfigurationError(
                f"the url of upstream {self.name} is {self.url!r}; it must be like"
                " https://api.example.com/v1, without query, fragment and user"
            )
        if self.speaks not in get_args(Dialect):
            raise ConfigurationError(
                f"upstream {self.name} speaks {self.speaks!r}; it must be one of"
                f" {', '.join(get_args(Dialect))}"
            )

    def target(self, path: str) -> str:
        """The URL for a path of ours, `/v1` being said once.

        >>> Upstream(name="x", url="https://api.example.com/openai/v1").target("/v1/models")
        'https://api.example.com/openai/v1/models'
        >>> Upstream(name="x", url="https://api.example.com").target("/v1/models")
        'https://api.example.com/v1/models'
        """
        base = self.url.rstrip("/")
        if base.endswith(_VERSION) and (path + "/").startswith(_VERSION + "/"):
            path = path.removeprefix(_VERSION)
        return base + path

    def credential(self, held_in: bytes) -> tuple[str, str] | None:
        """The header that carries the server's own key, for a client that showed its own in this.

        Anthropic's newer clients authorise themselves as OpenAI's do, its older ones do not.
        """
        if self.api_key is None:
            return None
        if self.speaks == "anthropic" and held_in != BEARER:
            return "x-api-key", self.api_key
        return BEARER.decode(), f"Bearer {self.api_key}"


class Routes:
    """Which upstream a request goes to.

    Args:
        defaults: one for each dialect.
        others: those that are chosen by model.
    """

    def __init__(self, defaults: Sequence[Upstream], others: Sequence[Upstream]) -> None:
        self._defaults: Mapping[str, Upstream] = {one.speaks: one for one in defaults}
        prefixes = [(one.speaks, prefix, one) for one in others for prefix in one.models]
        # The longest prefix that fits counts.
        self._by_model = sorted(prefixes, key=lambda one: -len(one[1]))
        self.by_model = bool(self._by_model)
        self.all = (*defaults, *others)

    def choose(self, path: str, headers: RawHeaders, body: bytes | None) -> Upstream:
        """The upstream of a request; its `body` is None where it was not read."""
        speaks = dialect(path, headers)
        model = _model(body) if self.by_model and body is not None else ""
        for spoken, prefix, upstream in self._by_model:
            if spoken == speaks and model.startswith(prefix):
                return upstream
        return self._defaults[speaks]


def dialect(path: str, headers: RawHeaders) -> Dialect:
    """Whose dialect a request is in."""
    theirs = any(path == one or path.startswith(one + "/") for one in _ANTHROPIC_PATHS)
    if theirs or value_of(headers, _ANTHROPIC_HEADER) is not None:
        return "anthropic"
    return "openai"


def _model(body: bytes) -> str:
    try:
        payload: JSON = json.loads(body)
    except (ValueError, RecursionError):  # upstream shall say what is wrong with it
        return ""
    model = payload.get("model") if isinstance(payload, dict) else None
    return model if isinstance(model, str) else ""
