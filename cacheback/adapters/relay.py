"""Relays: a stream from upstream that is recorded while it passes, and that others may join.

A relay keeps the pieces that have arrived. Every consumer reads them from the first; whoever needs
the next one fetches it from upstream for all. So a slow consumer delays nobody, and one that goes
away takes the stream from nobody: it is over when the last has gone. A relay lives as long as
somebody holds a view of it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from cacheback.core.flight import Landed, NoEntry
from cacheback.core.plan import Plan
from cacheback.drive import Landing, arun, run
from cacheback.models import Answer, Reply

if TYPE_CHECKING:
    from cacheback.wire.codec import Recorder

# Seconds without anybody reading after which a stream is not joined any more: its connection may
# be dead by then, and the newcomer's call would fail with it.
_STALE = 5.0


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
        self._fetched = time.perf_counter()
        self._pieces: list[bytes] = []
        self._consumers = 0
        self._busy = False
        self._ending = False
        self._exhausted = False
        self._error: Exception | None = None
        self._finish: Callable[[Reply], Plan[Landed]] | None = None
        self._gone: Callable[[], None] | None = None
        # Of the count of consumers. Never held during I/O, and reentrant: a view that is collected
        # as garbage leaves in the middle of anything.
        self._door = threading.RLock()

    def when_over(self, finish: Callable[[Reply], Plan[Landed]], gone: Callable[[], None]) -> None:
        self._finish, self._gone = finish, gone

    def answer(self) -> Answer | None:
        """The answer, if the whole of it has passed."""
        return self._reply().answer

    def _enter(self, view: Callable[[Any], Any]) -> Any:
        """One consumer more, or why it cannot be."""
        with self._door:
            if self._ending:
                return None
            if self._error is not None or self._stale:
                return NoEntry.ALONE
            self._consumers += 1
            return view(self)

    @property
    def _stale(self) -> bool:
        idle = time.perf_counter() - self._fetched
        return idle > _STALE and not (self._busy or self._exhausted)

    def lose(self) -> bool:
        """One consumer less; True for the last, which ends the stream."""
        with self._door:
            self._consumers -= 1
            if self._consumers:
                return False
            self._ending = True
            return True

    def _took(self, piece: bytes) -> None:
        self._fetched = time.perf_counter()
        self._pieces.append(piece)
        if self._recorder is None:
            return
        try:
            self._recorder.feed(piece)
        except Exception as error:  # noqa: BLE001 - a recorder that fails must not fail the call
            self._recorder = None
            self._report(error)

    def _reply(self) -> Reply:
        """What the stream has brought so far."""
        seconds = time.perf_counter() - self._begun
        if self._recorder is None:
            return Reply(None, seconds=seconds)
        whole = self._recorder.ended
        answer = self._recorder.answer() if whole else None
        return Reply(None, answer, failed=not whole, seconds=seconds)

    def __del__(self) -> None:
        # Nobody has read it to its end, and nobody will: those who wait must not wait for ever.
        if not self.end.done():
            if self._gone is not None:
                self._gone()
            self._land(NoEntry.FAILED)

    def _land(self, landed: Landed) -> None:
        # Among garbage, `__del__` may come before the end of a generator that still closes a view.
        if not self.end.done():
            self.end.set_result(landed)


class SyncRelay(Relay):
    """A relay for threads."""

    def __init__(self, response: Any, *rest: Any) -> None:
        super().__init__(response, *rest)
        self._source: Iterator[bytes] = response.iter_bytes()
        self._reading = threading.Lock()

    def join(self, *, asynchronous: bool) -> Any:
        if asynchronous:
            return NoEntry.ALONE
        return self._enter(SyncView)

    def piece(self, position: int) -> bytes | None:
        """The piece at this position, fetched if need be; None after the last."""
        if position < len(self._pieces):
            return self._pieces[position]
        with self._reading:
            if position == len(self._pieces) and not self._exhausted and self._error is None:
                self._fetch()
            if position < len(self._pieces):
                return self._pieces[position]
            if self._error is not None:
                raise self._error
            return None

    def _fetch(self) -> None:
        self._busy = True
        try:
            self._took(next(self._source))
        except StopIteration:
            self._exhausted = True
        except Exception as error:  # noqa: BLE001 - it is every consumer's
            self._error = error
        except BaseException:  # an interrupt is this thread's; for the others the stream is cut
            self._exhausted = True
            raise
        finally:
            self._busy = False

    def leave(self) -> None:
        """A consumer needs no more; the last one ends the stream."""
        if not self.lose():
            return
        landed: Landed = NoEntry.FAILED
        try:
            self.response.close()
        finally:
            try:
                if self._finish is not None:
                    landed = run(self._finish(self._reply()))
            finally:
                self._land(landed)


class View:
    """One consumer's view of a relay: read it once, close it once."""

    def __init__(self, relay: Any) -> None:
        self.relay = relay
        self._open = True
        self._unread = True

    def _shut(self) -> bool:
        was_open, self._open = self._open, False
        return was_open

    def __del__(self) -> None:
        if self._shut():  # dropped, not closed: without I/O, there is only this to do
            self.relay.lose()


class SyncView(View):
    """A view for a thread."""

    def __iter__(self) -> Iterator[bytes]:
        position = 0
        # Once only: some SDKs ask for a second iterator after the last event.
        unread, self._unread = self._unread, False
        while unread and (piece := self.relay.piece(position)) is not None:
            yield piece
            position += 1

    def drain(self) -> Answer | None:
        """Read it to its end, for a caller that does not stream; the answer if it was whole."""
        try:
            for _ in self:
                pass
            answer: Answer | None = self.relay.answer()
            return answer
        finally:
            self.close()

    def close(self) -> None:
        if self._shut():
            self.relay.leave()


class AsyncRelay(Relay):
    """A relay for the tasks of one event loop."""

    def __init__(self, response: Any, *rest: Any) -> None:
        super().__init__(response, *rest)
        self._source: AsyncIterator[bytes] = response.aiter_bytes()
        self._loop = asyncio.get_running_loop()
        self._fetching: asyncio.Task[None] | None = None

    def join(self, *, asynchronous: bool) -> Any:
        if not asynchronous or asyncio.get_running_loop() is not self._loop:
            return NoEntry.ALONE
        return self._enter(AsyncView)

    async def piece(self, position: int) -> bytes | None:
        """The piece at this position, fetched if need be; None after the last."""
        while position == len(self._pieces):
            if self._error is not None:
                raise self._error
            if self._exhausted:
                return None
            # A task of its own: a consumer that is cancelled must not break off upstream's read.
            if self._fetching is None or self._fetching.done():
                self._fetching = self._loop.create_task(self._fetch())
            await asyncio.shield(self._fetching)
        return self._pieces[position]

    async def _fetch(self) -> None:
        self._busy = True
        try:
            self._took(await anext(self._source))
        except StopAsyncIteration:
            self._exhausted = True
        except asyncio.CancelledError:  # the last consumer has gone, or the loop is shut down
            self._exhausted = True
        except Exception as error:  # noqa: BLE001 - it is every consumer's
            self._error = error
        finally:
            self._busy = False

    async def leave(self) -> None:
        """A consumer needs no more; the last one ends the stream, even if it is cancelled."""
        if not self.lose():
            return
        ending = self._loop.create_task(self._end())
        _tasks.add(ending)
        ending.add_done_callback(_tasks.discard)
        await asyncio.shield(ending)

    async def _end(self) -> None:
        landed: Landed = NoEntry.FAILED
        if self._fetching is not None and not self._fetching.done():
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
        try:
            await self.response.aclose()
        finally:
            try:
                if self._finish is not None:
                    landed = await arun(self._finish(self._reply()))
            finally:
                self._land(landed)


class AsyncView(View):
    """A view for a task."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        position = 0
        unread, self._unread = self._unread, False
        while unread and (piece := await self.relay.piece(position)) is not None:
            yield piece
            position += 1

    async def drain(self) -> Answer | None:
        """Read it to its end, for a caller that does not stream; the answer if it was whole."""
        try:
            async for _ in self:
                pass
            answer: Answer | None = self.relay.answer()
            return answer
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        if self._shut():
            await self.relay.leave()


# Event loops keep only weak references to tasks.
_tasks: set[asyncio.Task[None]] = set()
