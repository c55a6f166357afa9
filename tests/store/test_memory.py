"""What the contract does not say of the store in memory: forks, and what a look costs."""

from __future__ import annotations

import os
import signal
import threading
import warnings

import pytest

from cacheback.core.ports import Selection
from cacheback.models import Answer, Draft, Scope
from cacheback.store.memory import MemoryStore


def draft(question: str) -> Draft:
    return Draft(question, question, Scope("scope", {}), Answer("yes"), 0.0, None, vector=b"v")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_goes_on_whatever_the_parents_threads_do() -> None:
    store, over = MemoryStore(), threading.Event()

    def work() -> None:
        while not over.is_set():
            store.put([draft(f"question {n}") for n in range(20)])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(25):
            assert _in_child(store) == 0
    finally:
        over.set()
        thread.join()
    assert store.check() == []


def _in_child(store: MemoryStore) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the point
        child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)  # a child that waits for a lock for ever is killed
        status = 1
        try:
            store.put([draft("the child's")])
            status = 0 if store.find("scope", "the child's") and not store.check() else 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_few_vectors_are_had_without_a_walk_through_the_scope() -> None:
    store = MemoryStore()
    ids = [entry.id for entry in store.put([draft(f"question {n}") for n in range(50)])]

    class Unwalkable(dict[int, None]):
        def __iter__(self) -> None:  # type: ignore[override]
            raise AssertionError("the whole scope is walked through")

    store._by_scope["scope"] = Unwalkable(store._by_scope["scope"])
    assert store.vectors("scope", [ids[4], 10**9, ids[2]]) == ([ids[2], ids[4]], b"vv")
    assert store.count(Selection()) == 50
