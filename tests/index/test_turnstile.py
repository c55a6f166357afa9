"""Whoever waits goes before whoever has just left."""

from __future__ import annotations

import threading

from cacheback.index.turnstile import Turnstile


def test_one_at_a_time() -> None:
    turnstile = Turnstile()
    inside, most = 0, 0

    def enter_often() -> None:
        nonlocal inside, most
        for _ in range(2000):
            with turnstile:
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=enter_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_who_waits_goes_first() -> None:
    turnstile = Turnstile()
    order: list[str] = []

    def visit() -> None:
        with turnstile:
            order.append("waiting")

    visitor = threading.Thread(target=visit)
    with turnstile:
        visitor.start()
        while not turnstile._turn.locked():  # until the visitor queues
            pass
    with turnstile:
        order.append("back again")
    visitor.join()
    assert order == ["waiting", "back again"]
