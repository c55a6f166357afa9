"""What is made once per process: by one thread, again after an error, and across a fork."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cacheback.once import Once

THREADS = 8


def run(program: str) -> None:
    """Run it in a process of its own; it must end well."""
    # Python 3.12 warns of any fork beside threads, which is what is tried here.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_made_before_somebody_asks() -> None:
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    once = Once(make)
    assert made == []
    assert once() is once() is made[0]
    assert len(made) == 1


def test_of_eight_threads_at_once_one_makes_it_and_the_others_wait() -> None:
    made: list[object] = []
    begun = threading.Barrier(THREADS)
    all_have_asked = threading.Event()

    def make() -> object:
        made.append(object())
        all_have_asked.wait()
        return made[-1]

    once = Once(make)

    def ask() -> object:
        if begun.wait() == 0:
            threading.Thread(target=all_have_asked.set).start()
        return once()

    with ThreadPoolExecutor(THREADS) as pool:
        given = [one.result() for one in [pool.submit(ask) for _ in range(THREADS)]]
    assert len(made) == 1
    assert all(one is made[0] for one in given)


def test_an_error_is_raised_and_the_next_one_tries_again() -> None:
    tries: list[int] = []

    def make() -> str:
        tries.append(len(tries))
        if len(tries) == 1:
            raise OSError("the disk is away")
        return "made"

    once = Once(make)
    with pytest.raises(OSError, match="the disk is away"):
        once()
    assert once() == once() == "made"
    assert tries == [0, 1]


def test_who_waited_for_one_that_failed_makes_it() -> None:
    tries: list[str] = []
    failing, waiting = threading.Event(), threading.Event()

    def make() -> str:
        tries.append(threading.current_thread().name)
        if len(tries) == 1:
            failing.set()
            waiting.wait()
            raise OSError("the disk is away")
        return "made"

    once = Once(make)

    def second() -> str:
        failing.wait()
        waiting.set()
        return once()

    with ThreadPoolExecutor(2) as pool:
        first, other = pool.submit(once), pool.submit(second)
        assert other.result() == "made"
        with pytest.raises(OSError, match="the disk is away"):
            first.result()
    assert len(tries) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_it_is_being_made_leaves_no_held_lock_to_the_child() -> None:
    run("""if True:
        import os, threading
        from cacheback.once import Once

        made, making, forking = [], threading.Event(), threading.Event()

        def make():
            making.set()
            forking.wait()
            sum(range(1_000_000))  # a fork that did not wait would come in the middle of this
            made.append(os.getpid())
            return made

        once = Once(make)
        os.register_at_fork(before=forking.set)  # whoever is registered last comes first
        maker = threading.Thread(target=once)
        maker.start()
        making.wait()
        child = os.fork()
        # Looked at first, as a lock that is held here would be so for ever.
        well = not once._lock.locked() and once() is made and len(made) == 1
        if child == 0:
            os._exit(0 if well else 1)
        maker.join()
        assert os.waitpid(child, 0)[1] == 0
        assert once() == [os.getpid()]
    """)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_makes_its_own_where_nothing_was_made_yet() -> None:
    run("""if True:
        import os
        from cacheback.once import Once

        once = Once(os.getpid)
        child = os.fork()
        if child == 0:
            os._exit(0 if once() == os.getpid() else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert once() == os.getpid()
    """)
