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
from typing import Any, Protocol

from cacheback.core.flight import Landed, NoEntry
from cacheback.core.plan import Plan
from cacheback.drive import Landing, arun, run
from cacheback.models import Answer, Reply

# Seconds without anybody reading after which a stream is not joined any more: its connection may
# be dead by then, and the newcomer's call would fail with it.
_STALE = 5.0


class Listener(Protocol):
    """Is fed the pieces of a stream as they pass, and knows whether its answer is whole."""

    @property
    def ended(self) -> bool:
        """True once a piece has passed after which nothing more is said."""
        ...

    def feed(self, piece: Any, /) -> None:
        """Take in the next piece."""
        ...

    def answer(self) -> Answer | None:
        """The answer, if the stream was complete and may be kept."""
        ...


class Relay:
    """What relays of both colours share. Conforms to `core.flight.Recording`.

    Args:
        pieces: upstream's stream: bytes, or whatever objects a framework streams.
        listener: is fed every piece, and knows whether the answer is whole.
        close: ends the stream; called once, by whoever reads it last.
        begun: `time.perf_counter()` at the beginning of the call, if that was before.
        report: where an error of the listener goes; the stream goes on without it.
        head: what belongs to the stream as a whole, such as the head of an HTTP response.
    """

    def __init__(
        self,
        pieces: Any,
        listener: Listener,
        *,
        close: Callable[[], Any],
        report: Callable[[Exception], None],
        begun: float | None = None,
        head: Any = None,
    ) -> None:
        self.head = head
        self.end = Landing()
        self.sources: tuple[int, ...] = ()
        self._source = pieces
        self._listener: Listener | None = listener
        self._close = close
        self._report = report
        self._fetched = time.perf_counter()
        self._begun = self._fetched if begun is None else begun
        self._pieces: list[Any] = []
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

    def _enter(self, view: Callable[[Any], Any]) -> Any:
        """One consumer more, or why it cannot be."""
        with self._door:
            if self._ending:
                return None
            if self._error is not None or self._stale or self._in_vain:
                return NoEntry.ALONE
            self._consumers += 1
            return view(self)

    @property
    def _stale(self) -> bool:
        idle = time.perf_counter() - self._fetched
        return idle > _STALE and not (self._busy or self._exhausted)

    @property
    def _in_vain(self) -> bool:
        """Whether it has ended, as with an error, and brought nothing that may be kept.

        Not every SDK closes the stream then, so it may stand open for a while.
        """
        return self._listener is not None and self._heard() == (True, None)

    def _heard(self) -> tuple[bool, Answer | None]:
        """Whether the listener has heard the end, and the answer if it may be kept."""
        if self._listener is None:
            return True, None
        try:
            ended = self._listener.ended
            return ended, self._listener.answer() if ended else None
        except Exception as error:  # noqa: BLE001 - as in `_took`
            self._listener = None
            self._report(error)
            return True, None

    def lose(self) -> bool:
        """One consumer less; True for the last, which ends the stream."""
        with self._door:
            self._consumers -= 1
            if self._consumers:
                return False
            self._ending = True
            return True

    def _took(self, piece: Any) -> None:
        self._fetched = time.perf_counter()
        self._pieces.append(piece)
        if self._listener is None:
            return
        try:
            self._listener.feed(piece)
        except Exception as error:  # noqa: BLE001 - a listener that fails must not fail the call
            self._listener = None
            self._report(error)

    def brought(self) -> Reply:
        """What the stream has brought so far: `failed` while it is not whole."""
        seconds = time.perf_counter() - self._begun
        whole, answer = self._heard()
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
    """A relay for threads: `pieces` is an iterator, `close` a function."""

    def __init__(self, pieces: Iterator[Any], listener: Listener, **rest: Any) -> None:
        super().__init__(pieces, listener, **rest)
        self._reading = threading.Lock()

    def reply(self) -> Reply:
        """What a sender returns for this stream: the first view of it, and how to join it."""
        return Reply(self.join(asynchronous=False), recording=self)

    def join(self, *, asynchronous: bool) -> Any:
        if asynchronous:
            return NoEntry.ALONE
        return self._enter(SyncView)

    def piece(self, position: int) -> Any:
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
            self._error = ConnectionError("the stream was cut: whoever was reading was interrupted")
            raise
        finally:
            self._busy = False

    def leave(self) -> None:
        """A consumer needs no more; the last one ends the stream."""
        if not self.lose():
            return
        landed: Landed = NoEntry.FAILED
        try:
            self._close()
        finally:
            try:
                if self._finish is not None:
                    landed = run(self._finish(self.brought()))
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

    def __iter__(self) -> Iterator[Any]:
        position = 0
        # Once only: some SDKs ask for a second iterator after the last event.
        unread, self._unread = self._unread, False
        while unread and (piece := self.relay.piece(position)) is not None:
            yield piece
            position += 1

    def drain(self) -> Reply:
        """Read it to its end, for a caller that does not stream; what it brought."""
        try:
            for _ in self:
                pass
            brought: Reply = self.relay.brought()
            return brought
        finally:
            self.close()

    def close(self) -> None:
        if self._shut():
            self.relay.leave()


class AsyncRelay(Relay):
    """A relay for the tasks of one event loop: `pieces` is asynchronous, `close` a coroutine
    function."""

    def __init__(self, pieces: AsyncIterator[Any], listener: Listener, **rest: Any) -> None:
        super().__init__(pieces, listener, **rest)
        self._loop = asyncio.get_running_loop()
        self._fetching: asyncio.Task[None] | None = None

    def join(self, *, asynchronous: bool) -> Any:
        if not asynchronous or asyncio.get_running_loop() is not self._loop:
            return NoEntry.ALONE
        return self._enter(AsyncView)

    def reply(self) -> Reply:
        """What a sender returns for this stream: the first view of it, and how to join it."""
        return Reply(self.join(asynchronous=True), recording=self)

    async def piece(self, position: int) -> Any:
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
            await self._close()
        finally:
            try:
                if self._finish is not None:
                    landed = await arun(self._finish(self.brought()))
            finally:
                self._land(landed)


class AsyncView(View):
    """A view for a task."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        position = 0
        unread, self._unread = self._unread, False
        while unread and (piece := await self.relay.piece(position)) is not None:
            yield piece
            position += 1

    async def drain(self) -> Reply:
        """Read it to its end, for a caller that does not stream; what it brought."""
        try:
            async for _ in self:
                pass
            brought: Reply = self.relay.brought()
            return brought
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        if self._shut():
            await self.relay.leave()


# Event loops keep only weak references to tasks.
_tasks: set[asyncio.Task[None]] = set()
