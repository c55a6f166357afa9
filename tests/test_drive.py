from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest

from cacheback.core.flight import NoEntry
from cacheback.core.plan import Aside, Local, Plan, Send, Wait
from cacheback.drive import Landing, arun, asettle, run, settle
from cacheback.models import Answer, Reply

REPLY = Reply(None, Answer("yes"))


def both(make_plan: Any, reply: Any = REPLY) -> list[Any]:
    """The results of a fresh plan in either colour."""

    def send(_: Any) -> Any:
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def asend(payload: Any) -> Any:
        return send(payload)

    return [run(make_plan(), send), asyncio.run(arun(make_plan(), asend))]


def test_results_are_sent_back() -> None:
    def plan() -> Generator[Any, Any, tuple[Any, Any]]:
        local = yield Local(lambda: 41 + 1)
        sent = yield Send("payload", keep=True)
        return local, sent

    assert both(plan) == [(42, REPLY)] * 2


def test_a_plan_without_a_step_just_returns() -> None:
    def plan() -> Generator[Any, Any, str]:
        yield from ()
        return "done"

    assert both(plan) == ["done", "done"]


def test_errors_are_thrown_where_the_step_was() -> None:
    def plan() -> Generator[Any, Any, str]:
        try:
            yield Send("payload", keep=True)
        except OSError as error:
            return f"caught {error}"
        return "nothing"

    assert both(plan, OSError("cut")) == ["caught cut"] * 2


def test_an_error_that_the_plan_lets_go_reaches_the_caller_after_its_finally() -> None:
    ended = []

    def plan() -> Generator[Any, Any, None]:
        try:
            yield Send("payload", keep=True)
        finally:
            ended.append(True)

    def cut(_: Any) -> Reply:
        raise OSError("cut")

    async def acut(_: Any) -> Reply:
        raise OSError("cut")

    with pytest.raises(OSError, match="cut"):
        run(plan(), cut)
    with pytest.raises(OSError, match="cut"):
        asyncio.run(arun(plan(), acut))
    assert ended == [True, True]


def test_local_work_does_not_block_the_event_loop() -> None:
    def plan() -> Generator[Any, Any, Any]:
        return (yield Local(threading.get_ident))

    async def main() -> tuple[int, Any]:
        return threading.get_ident(), await arun(plan())

    loop_thread, worker = asyncio.run(main())
    assert loop_thread != worker


async def test_a_cancelled_task_ends_its_plan() -> None:
    begun, ended = asyncio.Event(), []

    def plan() -> Generator[Any, Any, None]:
        try:
            yield Send("payload", keep=True)
        finally:
            ended.append(True)

    async def never(_: Any) -> Reply:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(arun(plan(), never))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


def waiting(landing: Landing, patience: float | None = None) -> Any:
    return (yield Wait(landing, patience))


def landing_of_another_thread() -> Landing:
    made: list[Landing] = []
    thread = threading.Thread(target=lambda: made.append(Landing()))
    thread.start()
    thread.join()
    return made[0]


def test_a_wait_ends_with_the_landing() -> None:
    landing = landing_of_another_thread()
    threading.Timer(0.01, landing.set_result, [NoEntry.FAILED]).start()
    assert run(waiting(landing)) is NoEntry.FAILED


async def test_a_task_waits_without_a_thread_and_a_cancelled_one_cancels_no_other() -> None:
    landing = Landing()
    tasks = [asyncio.create_task(arun(waiting(landing))) for _ in range(100)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    landing.set_result(NoEntry.FAILED)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert set(results[1:]) == {NoEntry.FAILED}


async def test_patience_ends_a_wait() -> None:
    landing = landing_of_another_thread()
    assert run(waiting(landing, 0.01)) is NoEntry.ALONE
    assert await arun(waiting(landing, 0.01)) is NoEntry.ALONE


async def test_a_blocking_wait_for_a_task_of_the_same_thread_would_never_end() -> None:
    assert run(waiting(Landing())) is NoEntry.ALONE


def test_a_plan_that_sends_needs_a_sender() -> None:
    def plan() -> Generator[Any, Any, None]:
        yield Send("payload", keep=True)

    with pytest.raises(AssertionError, match="sender"):
        run(plan())


def sending() -> Plan[None]:
    yield Send("aside", keep=True)


def asides(beside: Callable[[], Plan[Any]], many: int = 6) -> Plan[list[bool]]:
    """Begins so many plans aside; which of them were begun."""
    begun: list[bool] = []
    while len(begun) < many:
        begun += [(yield Aside(beside()))]
    return begun


class TestAside:
    """A plan that nobody waits for."""

    def test_a_thread_of_its_own_has_the_same_sender(self) -> None:
        told: list[Any] = []
        go_on = threading.Event()

        def beside() -> Plan[None]:
            yield Local(lambda: go_on.wait(60))
            told.append((yield Send("aside", keep=True)))
            told.append((yield Local(threading.current_thread)))

        def plan() -> Plan[Any]:
            begun = yield Aside(beside())
            return begun, (yield Send("plan", keep=True))

        def send(step: Send) -> Any:
            return step.payload

        assert run(plan(), send) == (True, "plan")
        assert not told
        go_on.set()
        assert settle(60)
        sent, thread = told
        assert sent == "aside"
        assert thread is not threading.current_thread()
        assert thread.daemon

    async def test_a_task_of_its_own_outlives_the_call(self) -> None:
        told: list[Any] = []
        go_on = asyncio.Event()

        def beside() -> Plan[None]:
            told.append((yield Send("aside", keep=True)))

        def plan() -> Plan[Any]:
            return (yield Aside(beside()))

        async def send(step: Send) -> Any:
            await go_on.wait()
            return step.payload

        assert await arun(plan(), send) is True
        assert not told
        go_on.set()
        assert await asettle(60)
        assert told == ["aside"]

    def test_too_many_at_once_are_not_begun(self) -> None:
        go_on, ended = threading.Event(), []

        def beside() -> Plan[None]:
            yield Local(lambda: go_on.wait(60))
            ended.append(True)

        try:
            assert run(asides(beside)) == [True] * 4 + [False] * 2
            assert not settle(0)
        finally:
            go_on.set()
        assert settle(60)
        assert len(ended) == 4
        assert run(asides(beside))[0]
        assert settle(60)

    async def test_nor_on_an_event_loop(self) -> None:
        go_on, ended = asyncio.Event(), []
        made: list[Plan[None]] = []

        def sent() -> Plan[None]:
            yield Send("aside", keep=True)
            ended.append(True)

        def beside() -> Plan[None]:
            made.append(sent())
            return made[-1]

        async def send(_: Send) -> Any:
            await go_on.wait()

        assert await arun(asides(beside), send) == [True] * 4 + [False] * 2
        closed = [inspect.getgeneratorstate(one) == inspect.GEN_CLOSED for one in made]
        assert closed == [False] * 4 + [True] * 2
        assert not await asettle(0)
        go_on.set()
        assert await asettle(60)
        assert len(ended) == 4
        assert await arun(asides(beside), send) == [True] * 4 + [False] * 2
        assert await asettle(60)

    async def test_each_event_loop_has_its_own_places_and_threads_have_theirs(self) -> None:
        go_on = asyncio.Event()

        async def send(_: Send) -> Any:
            await go_on.wait()

        async def elsewhere() -> list[bool]:
            begun = await arun(asides(sending), anyone)
            assert await asettle(60)
            return begun

        async def anyone(_: Send) -> Any: ...

        full = [True] * 4 + [False] * 2
        assert await arun(asides(sending), send) == full
        assert await asyncio.to_thread(asyncio.run, elsewhere()) == full
        assert await asyncio.to_thread(run, asides(sending, 1), lambda _: REPLY) == [True]
        assert settle(60)
        assert not await asettle(0)
        go_on.set()
        assert await asettle(60)

    @pytest.mark.parametrize("begun", [False, True])
    async def test_one_that_is_cancelled_frees_its_place(self, begun: bool) -> None:
        before = asyncio.all_tasks()

        async def never(_: Send) -> Any:
            await asyncio.Event().wait()

        assert all(await arun(asides(sending, 4), never))
        mine = asyncio.all_tasks() - before
        assert len(mine) == 4
        if begun:
            await asyncio.sleep(0)
        for task in mine:
            task.cancel()
        assert await asettle(60)
        assert all(await arun(asides(sending, 4), never))
        for task in asyncio.all_tasks() - before:
            task.cancel()
        assert await asettle(60)

    async def test_one_of_them_does_not_wait_for_itself(self) -> None:
        settled: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def send(_: Send) -> Any:
            settled.set_result(await asettle(60))

        assert await arun(asides(sending, 1), send) == [True]
        assert await settled

    @pytest.mark.parametrize("ending", ["asyncio.run(main())", "loop.run_until_complete(main())"])
    def test_nothing_is_said_of_those_whose_loop_has_ended(self, ending: str) -> None:
        program = f"""
import asyncio, gc
from cacheback.core.plan import Aside, Send
from cacheback.drive import arun

def beside():
    yield Send("aside", keep=True)

def plan():
    for _ in range(6):
        yield Aside(beside())

async def never(_):
    await asyncio.Event().wait()

async def main():
    await arun(plan(), never)
    await asyncio.sleep(0)

for _ in range(3):
    loop = asyncio.new_event_loop()
    {ending}
    loop.close()
    del loop
    gc.collect()
"""
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-X", "dev", "-c", program],
            capture_output=True,
            text=True,
            check=True,
        )
        assert (ended.stdout, ended.stderr) == ("", "")

    async def test_they_end_with_their_loop(self) -> None:
        ended: list[Any] = []

        def beside() -> Plan[None]:
            try:
                yield Send("aside", keep=True)
            except BaseException as error:
                ended.append(type(error))
                raise

        def plan() -> Plan[Any]:
            return (yield Aside(beside()))

        async def never(_: Send) -> Any:
            await asyncio.Event().wait()

        def elsewhere() -> None:
            async def main() -> None:
                await arun(plan(), never)
                await asyncio.sleep(0)

            asyncio.run(main())

        await asyncio.to_thread(elsewhere)
        assert ended == [asyncio.CancelledError]
