from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from cacheback.core.flight import Flights, NoEntry
from cacheback.drive import Landing

KEY = ("scope", "digest", "default")


def test_the_first_leads_and_others_follow_the_same_flight() -> None:
    flights = Flights(Landing)
    flight, leads = flights.join(KEY)
    follower, follows = flights.join(KEY)
    assert leads
    assert not follows
    assert follower is flight


def test_another_key_is_another_flight() -> None:
    flights = Flights(Landing)
    flights.join(KEY)
    assert flights.join(("scope", "other", "default"))[1]


def test_after_landing_a_new_flight_begins() -> None:
    flights = Flights(Landing)
    flight, _ = flights.join(KEY)
    flights.land(flight, NoEntry.FAILED)
    assert flight.landing.result() is NoEntry.FAILED
    assert flights.join(KEY)[1]


def test_of_many_threads_exactly_one_leads() -> None:
    flights = Flights(Landing)
    together = threading.Barrier(16)

    def join(_: int) -> bool:
        together.wait()
        return flights.join(KEY)[1]

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(join, range(16))) == 1


def test_a_forgotten_flight_can_still_land() -> None:
    flights = Flights(Landing)
    old, _ = flights.join(KEY)
    flights.forget()
    new, leads = flights.join(KEY)
    assert leads
    flights.land(old, NoEntry.FAILED)
    assert flights.join(KEY)[0] is new
