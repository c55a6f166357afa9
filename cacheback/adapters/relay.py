"""Relays: a stream from upstream that is recorded while it passes, and that others may join.

A relay keeps the pieces that have arrived. Every consumer reads them from the first; whoever needs
the next one fetches it from upstream for all. So a slow consumer delays nobody, and one that goes
away takes the stream from nobody: it is over when upstream ends it, or when the last has gone.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from cacheback.core.flight import NoEntry
from cacheback.core.plan import Plan
from cacheback.drive import Landing, arun, run
from cacheback.models import Reply

if TYPE_CHECKING:
    from cacheback.wire.codec import Recorder


class Relay:
    """What relays of both colours share. Conforms to `core.flight.Recording`.

    Args:
        response: upstream's, an HTTP response whose body was not read.
        recorder: is fed every piece, and knows whether the answer is whole.
        begun: `time.perf_counter()` at the beginning of the call.
        report: where an error of the recorder goes; the stream goes on without it.
    """

    def __init__(
        self,
        response: Any,
        recorder: Recorder,
        begun: float,
        report: Callable[[Exception], None],
    ) -> None:
        self.response = response
        self.end = Landing()
        self._recorder: Recorder | None = recorder
        self._report = report
        self._begun = begun
        self._pieces: list[bytes] = []
        self._consumers = 0
        self._over = False
        self._error: BaseException | None = None
        self._finish: Callable[[Reply], Plan[None]] | None = None

    def join(self) -> Any:
        """A view for one more consumer, or why there is none; see `core.flight.Recording`."""
        raise NotImplementedError

    def when_over(self, finish: Callable[[Reply], Plan[None]]) -> None:
        self._finish = finish

    def _took(self, piece: bytes) -> None:
        self._pieces.append(piece)
        if self._recorder is None:
            return
        try:
            self._recorder.feed(piece)
        except Exception as error:  # noqa: BLE001 - a recorder that fails must not fail the call
            self._recorder = None
            self._report(error)

    def _reply(self) -> Reply:
        """What the stream has brought, now that it is over."""
        seconds = time.perf_counter() - self._begun
        if self._recorder is None:
            return Reply(None, seconds=seconds)
        whole = self._recorder.ended
        answer = self._recorder.answer() if whole else None
        return Reply(None, answer, failed=not whole, seconds=seconds)

    def __del__(self) -> None:
        # Nobody has read it to its end, and nobody will: those who wait must not wait for ever.
        if not self.end.done():
            self.end.set_result(NoEntry.FAILED)


class SyncRelay(Relay):
    """A relay for threads."""

    def __init__(self, response: Any, *rest: Any) -> None:
        super().__init__(response, *rest)
        self._source: Iterator[bytes] = response.iter_bytes()
        self._lock = threading.Lock()

    def join(self) -> Any:
        with self._lock:
            if self._over:
                return None
            self._consumers += 1
            return SyncView(self)

    def piece(self, position: int) -> bytes | None:
        """The piece at this position, fetched if need be; None after the last."""
        if position < len(self._pieces):
            return self._pieces[position]
        with self._lock:
            if position == len(self._pieces) and not self._over and self._error is None:
                self._fetch()
            if position < len(self._pieces):
                return self._pieces[position]
            if self._error is not None:
                raise self._error
            return None

    def _fetch(self) -> None:
        try:
            self._took(next(self._source))
        except StopIteration:
            self._over = True
        except Exception as error:  # noqa: BLE001 - it is every consumer's
            self._error = error
        except BaseException:  # an interrupt is this thread's; for the others the stream is cut
            self._over = True
            raise

    def leave(self) -> None:
        """A consumer needs no more; the last one ends the stream."""
        with self._lock:
            self._consumers -= 1
            if self._consumers:
                return
            self._over = True
        try:
            self.response.close()
        finally:
            if self._finish is not None:
                run(self._finish(self._reply()))


class SyncView:
    """One consumer's view of a relay: read it once, close it once."""

    def __init__(self, relay: SyncRelay) -> None:
        self.relay = relay
        self._open = True
        self._unread = True

    def __iter__(self) -> Iterator[bytes]:
        position = 0
        # Once only: some SDKs ask for a second iterator after the last event.
        unread, self._unread = self._unread, False
        while unread and (piece := self.relay.piece(position)) is not None:
            yield piece
            position += 1

    def close(self) -> None:
        if self._open:
            self._open = False
            self.relay.leave()


class AsyncRelay(Relay):
    """A relay for the tasks of one event loop."""

    def __init__(self, response: Any, *rest: Any) -> None:
        super().__init__(response, *rest)
        self._source: AsyncIterator[bytes] = response.aiter_bytes()
        self._loop = asyncio.get_running_loop()
        self._fetching: asyncio.Task[None] | None = None

    def join(self) -> Any:
        if not _running_on(self._loop):
            return NoEntry.ALONE
        if self._over:
            return None
        self._consumers += 1
        return AsyncView(self)

    async def piece(self, position: int) -> bytes | None:
        """The piece at this position, fetched if need be; None after the last."""
        while position == len(self._pieces):
            if self._error is not None:
                raise self._error
            if self._over:
                return None
            # A task of its own: a consumer that is cancelled must not break off upstream's read.
            if self._fetching is None or self._fetching.done():
                self._fetching = self._loop.create_task(self._fetch())
            await asyncio.shield(self._fetching)
        return self._pieces[position]

    async def _fetch(self) -> None:
        try:
            self._took(await anext(self._source))
        except StopAsyncIteration:
            self._over = True
        except BaseException as error:  # noqa: BLE001 - it is every consumer's
            self._error = error

    async def leave(self) -> None:
        """A consumer needs no more; the last one ends the stream, even if it is cancelled."""
        self._consumers -= 1
        if self._consumers:
            return
        self._over = True
        ending = self._loop.create_task(self._end())
        _ending.add(ending)
        ending.add_done_callback(_ending.discard)
        await asyncio.shield(ending)

    async def _end(self) -> None:
        if self._fetching is not None and not self._fetching.done():
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
        try:
            await self.response.aclose()
        finally:
            if self._finish is not None:
                await arun(self._finish(self._reply()))


class AsyncView:
    """One consumer's view of a relay: read it once, close it once."""

    def __init__(self, relay: AsyncRelay) -> None:
        self.relay = relay
        self._open = True
        self._unread = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        position = 0
        unread, self._unread = self._unread, False
        while unread and (piece := await self.relay.piece(position)) is not None:
            yield piece
            position += 1

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            await self.relay.leave()


# Event loops keep only weak references to tasks.
_ending: set[asyncio.Task[None]] = set()


def _running_on(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
