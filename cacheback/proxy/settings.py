"""Settings of the proxy: what can be set, and from where a value came."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Self

from cacheback.config import READERS, Settings, bounded
from cacheback.errors import ConfigurationError
from cacheback.models import JSON
from cacheback.proxy.keys import digest
from cacheback.proxy.upstreams import Upstream
from cacheback.sources import Given, Reader, read_file, sourced, truth

SHARED_TENANT = "shared"
"""The tenant of all clients where they share their entries."""

_MB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """Every setting of the proxy but those of its cache.

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        workers: processes that answer, on one directory.
        openai_url: the base URL of the provider that gets what no other rule says.
        anthropic_url: the same for requests in Anthropic's dialect.
        openai_api_key: the server's own key for `openai_url`; used for those who show a client key.
        anthropic_api_key: the same for `anthropic_url`.
        upstreams: further providers, chosen by model.
        client_keys: digests of the keys that let clients in; empty lets all in who reach us.
        shared: all clients share their entries, whatever their keys.
        details: responses tell similarity and reason.
        admin_token: digest of the token for `/admin`, `/dashboard` and `/metrics`.
        open_metrics: `/metrics` needs no token.
        traces: send OpenTelemetry spans, to where the OTEL_* variables say; needs the extra `otel`.
        recent: how many decisions each worker keeps for the dashboard.
        max_body: bytes of a request that is read whole, since memory may answer it.
        max_upload: bytes of a request that is passed on while it comes.
        max_header: bytes of a request's line and headers.
        max_connections: connections of a worker above which it answers 503.
        header_timeout: seconds until a request's headers must have arrived.
        client_timeout: seconds that a client may take to send a piece of its body (the whole of
            one that is read whole), or to take a piece of ours.
        connect_timeout: seconds until a connection upstream must stand.
        upstream_timeout: seconds that upstream may be silent.
        shutdown_timeout: seconds that running answers get when the server stops.
        log_requests: log a line for each request: method, path without query, status.

    Raises:
        ConfigurationError: a value that cannot work.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    openai_url: str = "https://api.openai.com/v1"
    anthropic_url: str = "https://api.anthropic.com"
    openai_api_key: str | None = field(default=None, repr=False)
    anthropic_api_key: str | None = field(default=None, repr=False)
    upstreams: tuple[Upstream, ...] = ()
    client_keys: tuple[str, ...] = field(default=(), repr=False)
    shared: bool = False
    details: bool = True
    admin_token: str | None = field(default=None, repr=False)
    open_metrics: bool = False
    traces: bool = False
    recent: int = 500
    max_body: int = 32 * _MB
    max_upload: int = 1024 * _MB
    max_header: int = 65_536
    max_connections: int = 2_000
    header_timeout: float = 10.0
    client_timeout: float = 60.0
    connect_timeout: float = 10.0
    upstream_timeout: float = 600.0
    shutdown_timeout: float = 30.0
    log_requests: bool = False

    def __post_init__(self) -> None:
        bounded("port", self.port, 0, 65_535)
        bounded("workers", self.workers, 1, 256)
        for name in ("recent", "max_body", "max_upload"):
            bounded(name, getattr(self, name), 0)
        bounded("max_header", self.max_header, 1_024, _MB)
        bounded("max_connections", self.max_connections, 1)
        for one in fields(self):
            if one.name.endswith("_timeout"):
                bounded(one.name, getattr(self, one.name), 0.01)

    @property
    def public(self) -> bool:
        """Whether others than this machine's own programs may reach the port."""
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"

    @property
    def defaults(self) -> tuple[Upstream, Upstream]:
        """The upstream of each dialect that gets what is not chosen by model."""
        openai = Upstream(name="openai", url=self.openai_url, api_key=self.openai_api_key)
        anthropic = Upstream(
            name="anthropic",
            url=self.anthropic_url,
            speaks="anthropic",
            api_key=self.anthropic_api_key,
        )
        return openai, anthropic


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a start of the proxy was told: both groups of settings, and whence each value came.

    Raises:
        ConfigurationError: the proxy would spend its own keys for whoever reaches it.
    """

    proxy: ProxySettings
    cache: Settings
    given: Mapping[str, Given] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Not everybody may spend what the server's keys can buy."""
        proxy, cache = self.proxy, self.cache
        held = [one.name for one in (*proxy.defaults, *proxy.upstreams) if one.api_key is not None]
        if cache.synthesis_mode != "off":
            held.append("synthesis")
        if cache.referee_model is not None:
            held.append("referee")
        if held and proxy.public and not proxy.client_keys:
            raise ConfigurationError(
                f"host is {proxy.host}, which others can reach, and the server would use keys of"
                f" its own ({', '.join(held)}); set CACHEBACK_CLIENT_KEYS, so that not everybody"
                " can spend them, or take the keys out of the environment, or listen on 127.0.0.1"
            )

    @classmethod
    def read(cls, environ: Mapping[str, str], file: Path | None = None, **given: Any) -> Self:
        """Settings of the command line (those that are not None), over the environment, over a
        TOML file (`CACHEBACK_CONFIG` where none is named), over the defaults.

        Raises:
            ConfigurationError: a value that cannot be read or cannot work, or an unknown name in
                the file.
        """
        named = environ.get("CACHEBACK_CONFIG", "").strip()
        file = file or (Path(named) if named else None)
        reading = readers(environ)
        found = sourced(reading, environ, {} if file is None else read_file(file, reading))
        for name, value in given.items():
            if value is not None:
                found[name] = Given(value, "command line")
        cache = {name: one.value for name, one in found.items() if name in READERS}
        proxy = {name: one.value for name, one in found.items() if name not in READERS}
        if proxy.get("shared"):
            cache.setdefault("tenant", SHARED_TENANT)
        return cls(ProxySettings(**proxy), Settings(**cache), found)


def readers(environ: Mapping[str, str]) -> Mapping[str, Reader]:
    """How every setting, of the proxy and of its cache, is read from text."""
    return {**READERS, **_READERS, "upstreams": partial(_upstreams, environ)}


def _keys(value: str) -> tuple[str, ...]:
    return tuple(digest(one.strip()) for one in value.split(",") if one.strip())


def _upstreams(environ: Mapping[str, str], value: JSON) -> tuple[Upstream, ...]:
    """A table of a file, or the same as JSON: by name url, models, speaks, api_key_env."""
    table = json.loads(value) if isinstance(value, str) else value
    if not isinstance(table, Mapping):
        raise TypeError('must be like {"groq": {"url": "https://…/v1", "models": ["llama-"]}}')
    return tuple(_upstream(name, told, environ) for name, told in table.items())


_FIELDS = frozenset({"url", "speaks", "models", "api_key_env"})


def _upstream(name: str, told: JSON, environ: Mapping[str, str]) -> Upstream:
    if not isinstance(told, Mapping) or not {"url", "models"} <= told.keys() <= _FIELDS:
        raise ValueError(
            f"upstream {name} must have url and models, and may have the others of"
            f" {', '.join(sorted(_FIELDS))}"
        )
    models = told["models"]
    if not isinstance(models, list) or not models or not all(map(_prefix, models)):
        raise ValueError(f"models of upstream {name} must be a list of prefixes such as 'llama-'")
    variable = told.get("api_key_env")
    key = None if variable is None else environ.get(str(variable), "").strip()
    if key == "":
        raise ValueError(f"upstream {name} takes its key from {variable}, which is not set")
    return Upstream(
        name=name,
        url=str(told["url"]),
        speaks=told.get("speaks", "openai"),
        models=tuple(models),
        api_key=key,
    )


def _prefix(value: JSON) -> bool:
    return isinstance(value, str) and bool(value)


_READERS: Mapping[str, Reader] = {
    "host": str,
    "port": int,
    "workers": int,
    "openai_url": str,
    "anthropic_url": str,
    "openai_api_key": str,
    "anthropic_api_key": str,
    "client_keys": _keys,
    "shared": truth,
    "details": truth,
    "admin_token": digest,
    "open_metrics": truth,
    "traces": truth,
    "recent": int,
    "max_body": int,
    "max_upload": int,
    "max_header": int,
    "max_connections": int,
    "header_timeout": float,
    "client_timeout": float,
    "connect_timeout": float,
    "upstream_timeout": float,
    "shutdown_timeout": float,
    "log_requests": truth,
}
