"""The one place where plans run in both colours: `run` in a thread, `arun` on an event loop.

A plan yields steps (`core.plan`); a driver performs each, sends the result back, throws an error
into the plan where it occurred, and closes the plan when its caller goes away.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from inspect import isawaitable, iscoroutine
from typing import TYPE_CHECKING, Any, TypeVar

from cacheback.core.flight import Landed, NoEntry
from cacheback.core.plan import Aside, Call, Drain, Local, Plan, Read, Send, Step, Wait, Write
from cacheback.errors import ConfigurationError
from cacheback.models import Reply

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
Sender = Callable[[Send], Reply]
AsyncSender = Callable[[Send], Awaitable[Reply]]


class Landing(Future[Landed]):
    """A flight's result. It cannot be cancelled, or one follower could cancel it for all."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.get_ident()
        self._followers: set[object] = set()
        self.set_running_or_notify_cancel()

    @property
    def followed(self) -> bool:
        return bool(self._followers)

    @contextmanager
    def following(self) -> Iterator[None]:
        """While the caller waits for it."""
        me = object()
        self._followers.add(me)
        try:
            yield
        finally:
            self._followers.discard(me)


def run(plan: Plan[T], send: Sender | None = None) -> T:
    """Perform a plan in the calling thread.

    Args:
        plan: a fresh plan.
        send: performs a `Send`; None where the plan has no such step.
    """
    try:
        step = next(plan)
        while True:
            try:
                result = _perform(step, send)
            except BaseException as error:  # noqa: BLE001 - the plan decides what it means
                step = plan.throw(error)
            else:
                step = plan.send(result)
    except StopIteration as finished:
        value: T = finished.value
        return value
    finally:
        plan.close()


def _perform(step: Step, send: Sender | None) -> Any:  # noqa: PLR0911 - one for each step
    match step:
        case Local(call):
            return call()
        case Wait(landing, patience):
            return _wait(landing, patience)
        case Drain(view):
            return view.drain()
        case Call(call):
            return _blocking(call())
        case Write(writer, prompt, patience):
            return writer.open(prompt, patience)
        case Read(writing):
            return writing.piece()
        case Aside(plan):
            return _asides.begin(plan, send)
        case Send():
            return _sender(send)(step)


def _blocking(result: Any) -> Any:
    if not isawaitable(result):
        return result
    if iscoroutine(result):
        result.close()  # else Python complains that nobody awaited it
    raise ConfigurationError(
        "a coroutine function can only be called by async clients and by the async methods of a"
        " cache; give a plain function"
    )


def _wait(landing: Any, patience: float | None) -> Landed:
    # A leader in this very thread is a task of an event loop that this wait would block for ever.
    if not landing.done() and landing.thread == threading.get_ident():
        return NoEntry.ALONE
    try:
        with landing.following():
            landed: Landed = landing.result(patience)
    except TimeoutError:
        return NoEntry.ALONE
    return landed


async def arun(plan: Plan[T], send: AsyncSender | None = None) -> T:
    """Perform a plan on the running event loop; `Local` steps go to a worker thread.

    When the caller is cancelled while others wait for the call that it leads, only the caller
    ends: the plan goes on in a task of its own.
    """
    return await _go_on(plan, partial(next, plan), send)


async def _go_on(plan: Plan[T], begin: Callable[[], Step], send: AsyncSender | None) -> T:
    left = False
    try:
        step = begin()
        while True:
            try:
                result = await _aperform(step, send)
            except _LeftError as gone:
                left = True
                _in_background(_without_its_caller(plan, gone.call, send))
                raise gone.cancelled from None
            except BaseException as error:  # noqa: BLE001 - cancellation, too, is the plan's
                step = plan.throw(error)
            else:
                step = plan.send(result)
    except StopIteration as finished:
        value: T = finished.value
        return value
    finally:
        if not left:
            plan.close()


async def _without_its_caller(
    plan: Plan[Any], call: asyncio.Task[Reply], send: AsyncSender | None
) -> None:
    """The rest of a plan, for those who wait for its call; what fails, they learn from the plan."""
    try:
        reply = await call
    except BaseException as error:  # noqa: BLE001 - as above
        go_on = partial(plan.throw, error)
    else:
        go_on = partial(plan.send, reply)
    with suppress(Exception):  # it was for the caller, who has gone
        await _go_on(plan, go_on, send)


class _LeftError(BaseException):
    """The caller was cancelled during a call that others wait for, and that goes on."""

    def __init__(self, call: asyncio.Task[Reply], cancelled: BaseException) -> None:
        super().__init__()
        self.call = call
        self.cancelled = cancelled


# Event loops keep only weak references to tasks.
_background: set[asyncio.Task[Any]] = set()


def _in_background(work: Coroutine[Any, Any, Any]) -> None:
    import asyncio  # noqa: PLC0415 - as below

    task = asyncio.get_running_loop().create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)


class _Asides:
    """Plans that nobody waits for: a few at once in threads, and a few in tasks of each loop."""

    def __init__(self) -> None:
        self._begin_life()
        # Those of a loop that was closed under them stay: asyncio complains of what is dropped.
        self._tasks: dict[asyncio.AbstractEventLoop, set[asyncio.Task[Any]]] = {}
        os.register_at_fork(after_in_child=self._begin_life)

    def _begin_life(self) -> None:
        self._changed = threading.Condition()
        self._threads: set[threading.Thread] = set()

    def begin(self, plan: Plan[Any], send: Sender | None) -> bool:
        """Perform it in a new thread; False where there are enough, or none can be had."""
        # Of a daemon: the end of the program does not wait for upstream.
        thread = threading.Thread(
            target=self._perform, args=(plan, send), name="cacheback-aside", daemon=True
        )
        with self._changed:
            if not _admitted(plan, self._threads):
                return False
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the system has no more of them, or the program is ending
            self._done(thread)
            plan.close()
            return False
        return True

    def _perform(self, plan: Plan[Any], send: Sender | None) -> None:
        try:
            run(plan, send)
        finally:
            self._done(threading.current_thread())

    def _done(self, thread: threading.Thread) -> None:
        with self._changed:
            self._threads.discard(thread)
            self._changed.notify_all()

    def settle(self, seconds: float) -> bool:
        me = {threading.current_thread()}
        with self._changed:
            return self._changed.wait_for(lambda: not self._threads - me, seconds)

    def abegin(self, plan: Plan[Any], send: AsyncSender | None) -> bool:
        """Perform it in a new task of the running loop; False where there are enough of them."""
        import asyncio  # noqa: PLC0415 - as below

        loop = asyncio.get_running_loop()
        if not _admitted(plan, self._tasks.get(loop, ())):
            return False
        task = loop.create_task(arun(plan, send))
        self._tasks.setdefault(loop, set()).add(task)
        task.add_done_callback(partial(self._ended, loop))
        return True

    def _ended(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        tasks = self._tasks[loop]
        tasks.discard(task)
        if not tasks:
            del self._tasks[loop]

    async def asettle(self, seconds: float) -> bool:
        import asyncio  # noqa: PLC0415 - as below

        mine = self._tasks.get(asyncio.get_running_loop(), set()) - {asyncio.current_task()}
        left = (await asyncio.wait(mine, timeout=seconds))[1] if mine else ()
        return not left


def _admitted(plan: Plan[Any], under_way: Collection[object]) -> bool:
    """Whether there is a place for one more; a plan that gets none is over."""
    if len(under_way) < _ASIDES:
        return True
    plan.close()
    return False


# At once. One takes a call of upstream or two encodes; what is dropped in a rush is evidence of
# which there will be more.
_ASIDES = 4
_asides = _Asides()


def settle(seconds: float) -> bool:
    """Wait for plans that were begun aside in threads; whether all are done."""
    return _asides.settle(seconds)


async def asettle(seconds: float) -> bool:
    """`settle` for those on the running event loop."""
    return await _asides.asettle(seconds)


async def in_thread(call: Callable[..., T], *arguments: Any) -> T:
    """Run blocking work in a worker thread, and let the running event loop go on meanwhile."""
    # Imported here, and below: 24 ms that a process without an event loop must not pay.
    import asyncio  # noqa: PLC0415

    return await asyncio.get_running_loop().run_in_executor(_workers.pool(), call, *arguments)


class _Workers:
    """Threads of our own for local work: in the loop's, those of the program may wait for us."""

    def __init__(self) -> None:
        self._pid = 0
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._pid, self._lock = 0, threading.Lock()

    def pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if not self._pid:
                self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="cacheback")
                self._pid = os.getpid()
            return self._pool


# Local work is the model's on a core, or SQLite's, which writes one after the other anyway.
_WORKERS = 4
_workers = _Workers()


async def _aperform(step: Step, send: AsyncSender | None) -> Any:  # noqa: PLR0911 - as above
    match step:
        case Local(call):
            return await in_thread(call)
        case Wait(landing, patience):
            return await _await(landing, patience)
        case Drain(view):
            return await view.drain()
        case Call(call):
            result = await in_thread(call)
            return await result if isawaitable(result) else result
        case Write(writer, prompt, patience):
            return writer.aopen(prompt, patience)
        case Read(writing):
            return await writing.piece()
        case Aside(plan):
            return _asides.abegin(plan, send)
        case Send():
            return await _asend(step, _sender(send))


async def _asend(step: Send, send: AsyncSender) -> Reply:
    landing = step.landing
    if landing is None:
        return await send(step)
    import asyncio  # noqa: PLC0415 - as above

    call = asyncio.ensure_future(send(step))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError as cancelled:
        if landing.followed and not call.done():
            raise _LeftError(call, cancelled) from None
        call.cancel()
        await asyncio.wait([call])  # it has ended, and let go of its connection, when we end
        raise


async def _await(landing: Any, patience: float | None) -> Landed:
    import asyncio  # noqa: PLC0415 - as above

    # Not in a worker thread: 50 followers would take every thread that the leader needs.
    future: asyncio.Future[Landed] = asyncio.wrap_future(landing)
    try:
        with landing.following():
            return await asyncio.wait_for(future, patience)
    except TimeoutError:
        return NoEntry.ALONE


def _sender(send: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    if send is None:
        raise AssertionError("this plan calls upstream: run it with a sender")
    return send
