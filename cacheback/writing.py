"""What a synthesizer writes, for whoever reads it: in a thread, or on an event loop.

A synthesizer writes in a thread of its own (or, if it can, in a task of the reader's event loop)
into a queue. So reading has a time limit whatever the synthesizer does, in either colour, and one
that nobody waits for any more holds up nobody.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import math
import queue
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cacheback.config import Settings, provider_keys
from cacheback.core.ports import Synthesizer
from cacheback.core.synthesis import Prompt, Telling
from cacheback.models import Reply, Usage
from cacheback.relay import AsyncRelay, SyncRelay
from cacheback.synthesizers.endpoint import find


@dataclass(frozen=True, slots=True)
class End:
    """The last item in a queue: how the reply ended, or the error that broke it off."""

    usage: Usage | None = None
    finish_reason: str | None = None
    error: Exception | None = None


Put = Callable[[str | End], None]


class SynthesizerWriter:
    """Conforms to `core.ports.Writer`.

    Args:
        synthesizer: see `core.ports.Synthesizer`.
        timeout: seconds until a reply has decided what it is, and then for each piece.
        report: where an error in a relay's listener goes.
        close: ends the synthesizer, where it is ours; one that was given may have other users.
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        timeout: float,
        report: Callable[[Exception], None],
        close: Callable[[], None] | None = None,
    ) -> None:
        self.synthesizer = synthesizer
        self.model = synthesizer.model
        self.provider: str | None = getattr(synthesizer, "provider", None)
        self._timeout = timeout
        self._report = report
        self._close = close

    def open(self, prompt: Prompt, patience: float | None) -> ThreadWriting:
        return ThreadWriting(self.synthesizer, prompt, self._limit(patience), self._report)

    def aopen(self, prompt: Prompt, patience: float | None) -> LoopWriting:
        return LoopWriting(self.synthesizer, prompt, self._limit(patience), self._report)

    def _limit(self, patience: float | None) -> float:
        return self._timeout if patience is None else min(self._timeout, patience)

    def close(self) -> None:
        """Close the synthesizer, if it is ours."""
        if self._close is not None:
            self._close()


def make_writer(settings: Settings, report: Callable[[Exception], None]) -> SynthesizerWriter:
    """What lets the settings' model write.

    Raises:
        ConfigurationError: the model needs a key, and there is none.
        MissingExtraError: there is no HTTP library.
    """
    if settings.synthesizer is not None:
        return _given(settings.synthesizer, settings, report)
    return _by_name(settings.synthesis_model, "synthesis_model", settings, report)


def make_referee(settings: Settings, report: Callable[[Exception], None]) -> SynthesizerWriter:
    """What lets the settings' model say whether two answers say the same; raises as above."""
    if settings.referee is not None:
        return _given(settings.referee, settings, report)
    return _by_name(settings.referee_model or "", "referee_model", settings, report)


def _given(
    given: Synthesizer | Callable[[Prompt], Any],
    settings: Settings,
    report: Callable[[Exception], None],
) -> SynthesizerWriter:
    synthesizer = given if isinstance(given, Synthesizer) else Called(given)
    return SynthesizerWriter(synthesizer, settings.synthesis_timeout, report)


def _by_name(
    model: str, setting: str, settings: Settings, report: Callable[[Exception], None]
) -> SynthesizerWriter:
    endpoint = find(
        model,
        settings.synthesis_model_base_url,
        settings.synthesis_model_api_key,
        provider_keys(),
        setting,
    )
    # Imported here: who brings a synthesizer needs no HTTP library.
    from cacheback.synthesizers.http import HTTPSynthesizer  # noqa: PLC0415

    made = HTTPSynthesizer(endpoint, settings.synthesis_timeout)
    return SynthesizerWriter(made, settings.synthesis_timeout, report, close=made.close)


class SynthesizerWriting:
    """What both colours share. Conforms to `core.ports.Writing`."""

    def __init__(
        self,
        synthesizer: Synthesizer,
        prompt: Prompt,
        timeout: float,
        report: Callable[[Exception], None],
    ) -> None:
        self.decided = False
        self.abandoned = False
        self._timeout = timeout
        self._report = report
        self._begun = time.perf_counter()
        self._ended: float | None = None
        self._end: End | None = None
        self._start(synthesizer, prompt)

    def _start(self, synthesizer: Synthesizer, prompt: Prompt) -> None:
        raise NotImplementedError

    @property
    def usage(self) -> Usage | None:
        return self._end.usage if self._end else None

    @property
    def finish_reason(self) -> str | None:
        return self._end.finish_reason if self._end else None

    @property
    def seconds(self) -> float:
        return (self._ended or time.perf_counter()) - self._begun

    def abandon(self) -> None:
        self.abandoned = True

    def _dropped(self) -> None:
        self.abandon()

    def _patience(self) -> float:
        """Seconds that the next piece may take."""
        return self._timeout if self.decided else max(0.0, self._timeout - self.seconds)

    def _took(self, item: str | End) -> str | None:
        if isinstance(item, str):
            return item
        self._end, self._ended = item, time.perf_counter()
        if item.error is not None:
            raise item.error
        return None

    def _produce(self, synthesizer: Synthesizer, prompt: Prompt, put: Put) -> None:
        """Write, in a thread of its own, until nobody reads on."""
        # The caller's context, so that tracing finds its way.
        context = contextvars.copy_context()
        producing = threading.Thread(
            target=context.run,
            args=(self._write, synthesizer, prompt, put),
            name="cacheback-synthesis",
            daemon=True,  # one that hangs must not keep a program from ending
        )
        producing.start()

    def _write(self, synthesizer: Synthesizer, prompt: Prompt, put: Put) -> None:
        pieces: Any = None
        try:
            pieces = synthesizer.write(prompt)
            for piece in pieces:
                if self.abandoned:
                    return
                if _text(piece):  # one without text only shows that the model is still there
                    put(piece)
            put(_end(pieces))
        except Exception as error:  # noqa: BLE001 - it is the reader's
            put(End(error=error))
        finally:
            try:
                getattr(pieces, "close", _nothing)()
            except Exception as error:  # noqa: BLE001 - the reply is over: nobody waits for this
                self._report(error)


class ThreadWriting(SynthesizerWriting):
    """Read by a thread."""

    def _start(self, synthesizer: Synthesizer, prompt: Prompt) -> None:
        self._queue: queue.SimpleQueue[str | End] = queue.SimpleQueue()
        self._produce(synthesizer, prompt, self._queue.put)

    def piece(self) -> str | None:
        if self._end is not None:
            return None
        try:
            return self._took(self._queue.get(timeout=self._patience()))
        except queue.Empty:
            raise TimeoutError("the synthesis model takes too long") from None

    def stream(self, telling: Telling, sources: tuple[int, ...]) -> Reply:
        relay = SyncRelay(
            self._told(telling), telling, close=self.abandon, report=self._report, begun=self._begun
        )
        relay.sources = sources
        # A stream may be dropped without being closed; nobody needs the rest of it then, either.
        weakref.finalize(relay, self._dropped).atexit = False
        return relay.reply()

    def _told(self, telling: Telling) -> Iterator[bytes]:
        yield telling.begin()
        try:
            while (piece := self.piece()) is not None:
                if told := telling.go_on(piece):
                    yield told
        except Exception as error:  # noqa: BLE001 - whatever a synthesizer raises
            yield telling.fail(error)
        else:
            yield telling.end()


class LoopWriting(SynthesizerWriting):
    """Read by a task of the running event loop."""

    def _start(self, synthesizer: Synthesizer, prompt: Prompt) -> None:
        self._queue: asyncio.Queue[str | End] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        loop = self._loop = asyncio.get_running_loop()
        awrite = getattr(synthesizer, "awrite", None)
        if awrite is not None:
            self._task = loop.create_task(self._awrite(awrite, prompt))
            return

        def put(item: str | End) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody reads on
                loop.call_soon_threadsafe(self._queue.put_nowait, item)

        self._produce(synthesizer, prompt, put)

    async def _awrite(self, awrite: Callable[[Prompt], AsyncIterator[str]], prompt: Prompt) -> None:
        pieces: Any = None
        try:
            pieces = awrite(prompt)
            async for piece in pieces:
                if _text(piece):  # as above
                    self._queue.put_nowait(piece)
            self._queue.put_nowait(_end(pieces))
        except Exception as error:  # noqa: BLE001 - it is the reader's
            self._queue.put_nowait(End(error=error))
        finally:
            close = getattr(pieces, "aclose", None)
            try:
                if close is not None:
                    await close()
            except Exception as error:  # noqa: BLE001 - as above
                self._report(error)

    async def piece(self) -> str | None:
        if self._end is not None:
            return None
        try:
            return self._took(await asyncio.wait_for(self._queue.get(), self._patience()))
        except TimeoutError:
            raise TimeoutError("the synthesis model takes too long") from None

    def stream(self, telling: Telling, sources: tuple[int, ...]) -> Reply:
        relay = AsyncRelay(
            self._told(telling), telling, close=self._close, report=self._report, begun=self._begun
        )
        relay.sources = sources
        # A stream may be dropped without being closed; nobody needs the rest of it then, either.
        weakref.finalize(relay, self._dropped).atexit = False
        return relay.reply()

    async def _told(self, telling: Telling) -> AsyncIterator[bytes]:
        yield telling.begin()
        try:
            while (piece := await self.piece()) is not None:
                if told := telling.go_on(piece):
                    yield told
        except Exception as error:  # noqa: BLE001 - whatever a synthesizer raises
            yield telling.fail(error)
        else:
            yield telling.end()

    async def _close(self) -> None:
        self.abandon()

    def _dropped(self) -> None:
        with suppress(RuntimeError):  # as above
            self._loop.call_soon_threadsafe(self.abandon)  # garbage is collected in any thread

    def abandon(self) -> None:
        super().abandon()
        if self._task is not None:
            self._task.cancel()


class Called:
    """A synthesizer that is a function from a prompt to a text, or to an iterator of pieces.

    It may be asynchronous; it is then called on an event loop of its own, in a thread.
    """

    def __init__(self, function: Callable[[Prompt], Any]) -> None:
        self.model = str(getattr(function, "__name__", type(function).__name__))
        self._function = function

    def write(self, prompt: Prompt) -> Iterator[str]:
        reply = self._function(prompt)
        if inspect.isawaitable(reply) or hasattr(reply, "__aiter__"):
            reply = asyncio.run(_gathered(reply))
        return iter([reply] if isinstance(reply, str) else reply)


async def _gathered(reply: Any) -> Any:
    if inspect.isawaitable(reply):
        reply = await reply
    if hasattr(reply, "__aiter__"):
        return [piece async for piece in reply]
    return reply


def _text(piece: object) -> str:
    if not isinstance(piece, str):
        raise TypeError(f"a synthesizer writes text, not {type(piece).__name__}")
    return piece


def _end(pieces: object) -> End:
    """How a reply ended, as its iterator tells it.

    Raises:
        TypeError, ValueError: that is not what a `Synthesizer` tells.
    """
    usage, reason = getattr(pieces, "usage", None), getattr(pieces, "finish_reason", None)
    if not isinstance(reason, str | None):
        raise TypeError(f"a finish_reason is text or None, not {type(reason).__name__}")
    if usage is None:
        return End(None, reason)
    if not isinstance(usage, Usage):
        raise TypeError(f"a usage is a cacheback.Usage or None, not {type(usage).__name__}")
    numbers = (usage.input_tokens, usage.output_tokens, usage.cost or 0.0)
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise ValueError(f"a usage counts from 0: {usage}")
    return End(usage, reason)


def _nothing() -> None:
    """What is done where there is nothing to close."""
