"""What must be at rest while a process forks: the child keeps only the thread that forked."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol


class Forking(Protocol):
    """Both are called in the forking thread; the second in the parent and in the child."""

    def before_fork(self) -> None: ...
    def after_fork(self) -> None: ...


_LIVE: weakref.WeakSet[Forking] = weakref.WeakSet()
_FORKING = threading.RLock()
_paused: list[Forking] = []


def follow_forks(one: Forking) -> None:
    """Call the two methods around every fork from now on, as long as the object lives."""
    with _FORKING:
        _LIVE.add(one)


def _before_fork() -> None:
    _FORKING.acquire()
    for one in list(_LIVE):
        one.before_fork()
        _paused.append(one)


def _after_fork() -> None:
    while _paused:
        _paused.pop().after_fork()
    _FORKING.release()


if hasattr(os, "register_at_fork"):
    # Once per process, for what is alive at the time; a hook cannot be taken back.
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
