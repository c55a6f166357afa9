"""Jobs run in order, a failing one stops nothing, and closing waits for the running one."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from cacheback.index.worker import Worker

if TYPE_CHECKING:
    import pytest


def test_jobs_run_one_after_another_in_their_order() -> None:
    worker, ran = Worker(), []
    for number in range(50):
        worker.submit(str(number), lambda number=number: ran.append(number))  # type: ignore[misc]
    worker.settle()
    assert ran == list(range(50))


def test_a_job_that_waits_is_not_queued_twice_but_one_that_runs_is() -> None:
    worker, ran = Worker(), []
    started, go_on = threading.Event(), threading.Event()

    def first() -> None:
        started.set()
        go_on.wait()
        ran.append("first")

    worker.submit("job", first)
    started.wait()
    worker.submit("job", lambda: ran.append("again"))
    worker.submit("job", lambda: ran.append("never"))
    go_on.set()
    worker.settle()
    assert ran == ["first", "again"]


def test_a_failure_is_logged_and_the_next_job_runs(caplog: pytest.LogCaptureFixture) -> None:
    worker, ran = Worker(), []

    def fail() -> None:
        raise ValueError("a reason")

    with caplog.at_level(logging.ERROR):
        worker.submit("fails", fail)
        worker.submit("works", lambda: ran.append(1))
        worker.settle()
    assert ran == [1]
    assert "a reason" in caplog.text


def test_the_thread_ends_with_the_work_and_starts_again() -> None:
    worker = Worker()
    for _ in range(3):
        seen: list[threading.Thread] = []
        worker.submit("job", lambda seen=seen: seen.append(threading.current_thread()))  # type: ignore[misc]
        worker.settle()
        seen[0].join()
        assert seen[0].daemon


def test_closing_drops_what_waits_and_joins_what_runs() -> None:
    worker, ran = Worker(), []
    started = threading.Event()

    def long() -> None:
        started.set()
        while not worker.closed:
            pass
        ran.append("stopped")

    worker.submit("long", long)
    worker.submit("waiting", lambda: ran.append("never"))
    started.wait()
    worker.close()
    assert ran == ["stopped"]
    worker.submit("late", lambda: ran.append("never"))
    worker.settle()
    worker.close()
    assert ran == ["stopped"]


def test_a_job_may_close_its_own_worker(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker()
    worker.submit("close", worker.close)
    worker.settle()
    assert worker.closed
    assert caplog.text == ""
