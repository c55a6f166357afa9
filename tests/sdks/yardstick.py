"""A pytest plugin that puts our transport into every client an SDK's own tests make.

Two modes. `pass`: every call misses, and its answer is recorded while it passes. `replay`: the
same, but once the answer is whole it is asked for again, of memory alone, and that is what the test
gets: its request did arrive upstream, and what it says of the answer must hold of the replay.

The answers in both are as upstream's own, so that tests can compare: without our marks, and with
the original's id and time.

A test that cannot pass is listed by its id, with a reason, in the SDK's file beside this one. The
run fails if any other test fails, and if a listed one passes or is not there.
"""

from __future__ import annotations

import re
import tomllib
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import lru_cache, wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cacheback import SemanticCache
from cacheback.adapters.exchange import Exchange
from cacheback.adapters.install import install
from cacheback.adapters.transport import CachingTransport
from cacheback.models import JSON, Outcome
from cacheback.wire import marks

# The request header that says where an answer shall come from, and the response header that says
# that the cache had a say in it.
_MODE = "x-cacheback-mode"
_NAMESPACE = "x-cacheback-namespace"
_SEEN = "x-cacheback-hit"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("yardstick")
    group.addoption("--yardstick", type=Path, required=True, help="the SDK's file beside this one")
    group.addoption("--yardstick-mode", choices=("pass", "replay"), required=True)


def pytest_configure(config: pytest.Config) -> None:
    sdk = tomllib.loads(config.getoption("--yardstick").read_text())
    run = Yardstick(sdk, config.getoption("--yardstick-mode"))
    config.pluginmanager.register(run, "yardstick-run")


class Yardstick:
    """One run: the cache, what was replayed from it, and what is known to fail."""

    def __init__(self, sdk: Mapping[str, Any], mode: str) -> None:
        self.replays = 0
        self.replay = mode == "replay"
        self._exceptions = exceptions(sdk, mode)
        self._cache = SemanticCache(":memory:")
        base = import_module(f"{sdk['name']}._base_client")
        self._equip(base.SyncAPIClient)
        self._equip(base.AsyncAPIClient)
        _comparable()

    def _equip(self, client_class: Any) -> None:
        """Let every client of a class ask the cache."""
        init = client_class.__init__

        @wraps(init)
        def equipped(client: Any, *args: Any, **kwargs: Any) -> None:
            init(client, *args, **kwargs)
            self._install(client._client)

        client_class.__init__ = equipped

    def _install(self, client: Any) -> None:
        if hasattr(client, "_yardstick"):  # copies of an SDK's client share it
            return
        client._yardstick = self
        install(client, self._cache)
        client._transport = self._around(client._transport)
        mounts = client._mounts.items()
        client._mounts = {pattern: inner and self._around(inner) for pattern, inner in mounts}

    def _around(self, cached: Any) -> Any:
        asynchronous = hasattr(cached, "handle_async_request")
        typed, asking = (_async_layers if asynchronous else _sync_layers)(cached.library)
        cached.inner = typed(cached.inner)
        return asking(cached, self)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        unused = set(self._exceptions)
        for item in items:
            for pattern, reason in self._exceptions.items():
                if matches(pattern, item.nodeid):
                    item.add_marker(pytest.mark.xfail(strict=True, reason=reason))
                    unused.discard(pattern)
        if unused:
            raise pytest.UsageError(f"listed as exceptions, but not there: {sorted(unused)}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A process of pytest-xdist has run its share of the tests."""
        self.replays += node.workeroutput["replays"]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.write_line(f"{self.replays} answers were replayed from memory")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        share = getattr(session.config, "workeroutput", None)
        if share is not None:  # in one of those processes
            share["replays"] = self.replays
        elif self.replay and not self.replays:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def exceptions(sdk: Mapping[str, Any], mode: str) -> dict[str, str]:
    """The reason for each test that is known to fail, by its id, where `*` stands for any text."""
    return {
        test: group["reason"]
        for group in sdk["exceptions"]
        if mode in group["modes"]
        for test in group["tests"]
    }


def matches(pattern: str, test: str) -> bool:
    """Whether a test is meant by an id in which `*` stands for any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), test) is not None


def _comparable() -> None:
    """Keep the original's id and time in replays, and leave our marks out of every answer."""
    fresh = Exchange._fresh

    def kept(self: Exchange, outcome: Outcome) -> dict[str, JSON]:
        raw = (outcome.answer and outcome.answer.raw) or {}
        created = raw.get("created", raw.get("created_at"))
        found = {"id": raw.get("id"), "created": created}
        known = {name: value for name, value in found.items() if value is not None}
        return {**fresh(self, outcome), **known}

    Exchange._fresh = kept  # type: ignore[method-assign]  # for this process
    marks.marks = lambda outcome, *, discreet=False: {}  # noqa: ARG005 - a caller may name it


def _replayable(response: Any) -> bool:
    return bool(response.is_success) and _SEEN in response.headers


def _typed(request: Any, response: Any) -> Any:
    """A mocked stream with the content type that every provider sends, and few tests do."""
    if "content-type" not in response.headers and b'"stream":true' in request.content:
        response.headers["content-type"] = "text/event-stream"
    return response


@lru_cache
def _sync_layers(http: Any) -> Any:  # noqa: C901 - it holds three small classes
    class Typed(http.BaseTransport):  # type: ignore[misc]  # per library
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def handle_request(self, request: Any) -> Any:
            response = self._inner.handle_request(request)
            return _typed(request, response) if CachingTransport.ours(request) else response

        def close(self) -> None:
            self._inner.close()

    class Asking(http.BaseTransport):  # type: ignore[misc]  # per library
        def __init__(self, cached: Any, run: Yardstick) -> None:
            self._cached = cached
            self._run = run

        def handle_request(self, request: Any) -> Any:
            request.headers[_NAMESPACE] = namespace = uuid.uuid4().hex
            first = self._cached.handle_request(request)
            if not (self._run.replay and _replayable(first)):
                return first
            first.stream = Pieces(*read(first.stream))
            request.headers.update({_NAMESPACE: namespace, _MODE: "only-if-cached"})
            second = self._cached.handle_request(request)
            self._run.replays += second.is_success
            return second if second.is_success else first

        def close(self) -> None:
            self._cached.close()

    class Pieces(http.SyncByteStream):  # type: ignore[misc]  # per library
        def __init__(self, pieces: list[bytes], error: Exception | None) -> None:
            self._pieces = pieces
            self._error = error

        def __iter__(self) -> Iterator[bytes]:
            yield from self._pieces
            if self._error is not None:
                raise self._error

    def read(stream: Any) -> tuple[list[bytes], Exception | None]:
        pieces: list[bytes] = []
        try:
            pieces.extend(stream)
        except Exception as error:  # noqa: BLE001 - the test's own, which gets it back
            return pieces, error
        finally:
            stream.close()
        return pieces, None

    return Typed, Asking


@lru_cache
def _async_layers(http: Any) -> Any:  # noqa: C901 - as above
    class Typed(http.AsyncBaseTransport):  # type: ignore[misc]  # per library
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def handle_async_request(self, request: Any) -> Any:
            response = await self._inner.handle_async_request(request)
            return _typed(request, response) if CachingTransport.ours(request) else response

        async def aclose(self) -> None:
            await self._inner.aclose()

    class Asking(http.AsyncBaseTransport):  # type: ignore[misc]  # per library
        def __init__(self, cached: Any, run: Yardstick) -> None:
            self._cached = cached
            self._run = run

        async def handle_async_request(self, request: Any) -> Any:
            request.headers[_NAMESPACE] = namespace = uuid.uuid4().hex
            first = await self._cached.handle_async_request(request)
            if not (self._run.replay and _replayable(first)):
                return first
            first.stream = Pieces(*await read(first.stream))
            request.headers.update({_NAMESPACE: namespace, _MODE: "only-if-cached"})
            second = await self._cached.handle_async_request(request)
            self._run.replays += second.is_success
            return second if second.is_success else first

        async def aclose(self) -> None:
            await self._cached.aclose()

    class Pieces(http.AsyncByteStream):  # type: ignore[misc]  # per library
        def __init__(self, pieces: list[bytes], error: Exception | None) -> None:
            self._pieces = pieces
            self._error = error

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in self._pieces:
                yield piece
            if self._error is not None:
                raise self._error

    async def read(stream: Any) -> tuple[list[bytes], Exception | None]:
        pieces: list[bytes] = []
        try:
            async for piece in stream:
                pieces.append(piece)  # noqa: PERF401 - what came before an error counts, too
        except Exception as error:  # noqa: BLE001 - as above
            return pieces, error
        finally:
            await stream.aclose()
        return pieces, None

    return Typed, Asking
