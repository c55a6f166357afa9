from __future__ import annotations

import pytest

from cacheback.core.guards import opposites
from cacheback.core.guards.opposites import OPPOSITES

STOPPED = [
    ("How do I enable two-factor authentication?", "How do I disable two-factor authentication?"),
    ("Increasing the volume", "Decreasing the volume"),
    ("How do I open an account?", "How do I close an account?"),
    ("Should I buy Tesla stock?", "Should I sell Tesla stock?"),
    ("importing contacts", "exporting contacts"),
    ("Encrypt a file with gpg", "Decrypt a file with gpg"),
    ("The minimum age", "The maximum age"),
    ("Turn on notifications", "Turn off notifications"),
    ("Turn it on", "Turn it off"),
    ("How do I log in?", "How do I log out?"),
    ("sign-in page", "sign-out page"),
    ("add a user", "remove a user"),
    ("Installing numpy", "Uninstalling numpy"),
    ("Why was my payment accepted?", "Why was my payment rejected?"),
    ("pros of nuclear power", "cons of nuclear power"),
    ("What are the pros and cons of Rust?", "What are the pros of Rust?"),
    ("Money I sent", "Money I received"),
    ("Lock my card", "Unlock my card"),
    ("Fastest way to Rome", "Slowest way to Rome"),
    ("The answer is correct", "The answer is incorrect"),
    ("How to upload a file", "How to download a file"),
    ("sort in ascending order", "sort in descending order"),
    ("uppercase a string", "lowercase a string"),
    ("What is her name?", "What is his name?"),
    ("How do I top up?", "How do I withdraw?"),
    ("Declined cash withdrawal", "Declined transfer"),
    ("Order a virtual card", "Order a physical card"),
    ("The capital of Peru", "The currency of Peru"),
    ("Breakfast ideas", "Dinner ideas"),
    ("Is it public?", "Is it private?"),
    ("Turn the heating up", "Turn the heating down"),
    ("the mean of a list", "the median of a list"),
]
LET_THROUGH = [
    ("How do I enable 2FA?", "How do I activate 2FA?"),
    ("How do I enable 2FA?", "How do I set up 2FA?"),
    ("Turn off the light", "Switch the light off"),
    ("How can I log in?", "login"),
    ("Delete a user", "Remove a user"),
    ("pros and cons of Rust", "Advantages and disadvantages of Rust"),
    ("Compare import and export", "Compare exports with imports"),
    ("The answer is not right", "The answer is wrong"),
    ("It isn't correct", "It is incorrect"),
    ("My payment was not successful", "My payment failed"),
    ("The shop is not open", "The shop is closed"),
    ("I sent money and my friend has not received it", "The money has not been received"),
    ("Cancel my order", "I want to cancel an order"),
    ("Uninstall the app", "Deinstall the app"),
    ("How do I shut down the server?", "How do I stop the server?"),
    ("What is the cheapest plan?", "Which plan is cheapest?"),
    ("How do I increase my limit?", "How do I raise my limit?"),
    ("Money transfer to a friend", "Transferring money to friends"),
    ("The quickest route", "The fastest route"),
    ("How do I sign up?", "How do I register?"),
    ("Freeze my card", "Block my card"),
    ("Is it safe to eat raw eggs?", "Are raw eggs safe to eat?"),
    ("a physical card by mail", "a card that is physical"),
    ("Payment by transfer", "Can I pay by transfer?"),
    ("maximum speed", "max speed"),
    ("Is it not allowed?", "Is it forbidden?"),
]


@pytest.mark.parametrize(("one", "other"), STOPPED)
def test_stops(one: str, other: str) -> None:
    assert OPPOSITES(one, other)
    assert OPPOSITES(other, one)


@pytest.mark.parametrize(("one", "other"), LET_THROUGH)
def test_lets_through(one: str, other: str) -> None:
    assert OPPOSITES(one, other) is None
    assert OPPOSITES(other, one) is None


def test_no_word_stands_on_two_sides_of_one_line() -> None:
    for places in opposites._LEXICON.values():
        axes = [axis for axis, _ in places]
        assert len(axes) == len(set(axes))


def test_every_line_has_sides() -> None:
    for line in (*opposites._COMPLEMENTS, *opposites._PAIRS):
        assert line.count("|") == 1
        assert all(side.split() for side in line.split("|"))
    for line in opposites._SIBLINGS:
        assert all(side.split() for side in line.split("|"))
