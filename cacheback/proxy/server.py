"""The server process: a socket, limits against slow and large callers, one or several workers."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

from cacheback.config import MEMORY
from cacheback.errors import ConfigurationError, MissingExtraError
from cacheback.proxy.app import Proxy, open_cache
from cacheback.proxy.metrics import MULTIPROCESS
from cacheback.proxy.settings import Configuration

try:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.supervisors import Multiprocess
except ImportError as error:
    raise MissingExtraError("uvicorn", "proxy") from error

_BACKLOG = 2_048

_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "cacheback": {"handlers": ["stderr"], "level": "INFO"},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING"},
    },
}


class Serving(uvicorn.Config):
    """Uvicorn's configuration, and how long a request's headers may take to arrive."""

    header_timeout: float = math.inf


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that waits for headers only so long: a caller that sends a byte a minute must go.

    h11 and no other parser, since it limits how large headers may be.
    """

    config: Serving
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        asked = self.cycle
        super().data_received(data)
        if self.cycle is not asked:
            self._stop_waiting()
        elif self._waiting is None and asked.response_complete:
            self._wait()  # the next request on this connection has begun to arrive

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(self.config.header_timeout, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def serve(configuration: Configuration, announce: Callable[[str], None]) -> None:
    """Serve until a signal ends it; then no new requests, and running answers are finished.

    Args:
        configuration: all settings.
        announce: is told the URL once the port is open.

    Raises:
        ConfigurationError: settings that do not fit together.
        StoreError: the cache's directory cannot be used.
        OSError: the port cannot be had.
    """
    settings = configuration.proxy
    if settings.workers > 1 and str(configuration.cache.cache_dir) == MEMORY:
        raise ConfigurationError(
            "several workers cannot share a cache in memory; name a directory as cache_dir"
        )
    # What is wrong with the cache is said here, in a sentence, and its directory is made once.
    open_cache(configuration.cache).close()
    _allow_many_files()
    listener = listen(settings.host, settings.port)
    config = uvicorn_config(configuration)
    announce(url_of(listener))
    with suppress(KeyboardInterrupt):
        if settings.workers == 1:
            uvicorn.Server(config).run(sockets=[listener])
            return
        with TemporaryDirectory(prefix="cacheback-metrics-") as shared:
            os.environ[MULTIPROCESS] = shared  # for the workers, which put their metrics there
            Multiprocess(config, sockets=[listener]).run()


def uvicorn_config(configuration: Configuration) -> Serving:
    """Uvicorn's configuration; it can be pickled for other processes."""
    settings = configuration.proxy
    config = Serving(
        partial(Proxy, settings, configuration.cache),
        factory=True,
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        workers=settings.workers,
        limit_concurrency=settings.max_connections,
        h11_max_incomplete_event_size=settings.max_header,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout),
        backlog=_BACKLOG,
        log_config=_LOGGING,
        access_log=False,  # it would tell queries, and keys in them
        proxy_headers=False,
        server_header=False,
        date_header=False,  # upstream's own is passed on
    )
    config.header_timeout = settings.header_timeout
    return config


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; raises OSError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)  # who comes before the workers are up waits for them
        listener.set_inheritable(True)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{error.strerror} ({host}, port {port})") from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a socket listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _allow_many_files() -> None:
    """Each call holds two sockets, and many systems allow 1,024 files unless one asks for more."""
    try:
        import resource  # noqa: PLC0415 - not on Windows, which has no such limit
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:  # macOS, where "unlimited" is not allowed
        logging.getLogger("cacheback.proxy").info("the limit of open files stays: %s", error)
