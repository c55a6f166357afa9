from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
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

        def plan() -> Plan[list[bool]]:
            begun: list[bool] = []
            while len(begun) < 6:
                begun += [(yield Aside(beside()))]
            return begun

        try:
            assert run(plan()) == [True] * 4 + [False] * 2
            assert not settle(0)
        finally:
            go_on.set()
        assert settle(60)
        assert len(ended) == 4
        assert run(plan())[0]
        assert settle(60)

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
