from __future__ import annotations

import pytest

from cacheback.core.guards.counting import figure
from cacheback.core.guards.numbers import NUMBERS

STOPPED = [
    ("How do I reset my iPhone 14?", "How do I reset my iPhone 15?"),
    ("What is 15% of 80?", "What is 20% of 80?"),
    ("Convert 5 km to miles", "Convert 5 miles to km"),
    ("Can I carry $500 on a plane?", "Can I carry €500 on a plane?"),
    ("What's new in Python 3.11?", "What's new in Python 3.12?"),
    ("Python 3.1 release notes", "Python 3.10 release notes"),
    ("Give me twenty-one facts about whales", "Give me twenty-two facts about whales"),
    ("How many calories are in a dozen eggs?", "How many calories are in 10 eggs?"),
    ("Who won the 2nd season?", "Who won the 3rd season?"),
    ("When did World War II end?", "When did World War I end?"),
    ("Tell me about Henry VIII", "Tell me about Henry VII"),
    ("Recipe for half a cup of rice", "Recipe for a cup of rice"),
    ("I was charged twice", "I was charged three times"),
    ("Take one pill twice a day", "Take one pill once a day"),
    ("Can I withdraw 1,000 dollars?", "Can I withdraw 10,000 dollars?"),
    ("What is 10 - 3?", "What is 3 - 10?"),
    ("What is 6 + 2?", "What is 6 * 2?"),
    (
        "Is a fee charged for more than 5 withdrawals?",
        "Is a fee charged for less than 5 withdrawals?",
    ),
    ("Fees for at least 3 users", "Fees for at most 3 users"),
    ("Delete all my messages", "Delete some of my messages"),
    ("Can I only pay by card?", "Can I pay by card?"),
    ("A $5m investment", "A $5k investment"),
    ("Sleep for 8 hours", "Sleep for 8 minutes"),
    ("What is two and a half squared?", "What is two squared?"),
    ("Divide 12 by 3", "Divide 3 by 12"),
    ("Is -5 a natural number?", "Is 5 a natural number?"),
    ("My first payment failed", "My second payment failed"),
    ("USD 100 in fees", "EUR 100 in fees"),
    ("List three causes of the war", "List the causes of the war"),
    ("Chapter IV summary", "Chapter V summary"),
    ("two hundred and five people", "two hundred and six people"),
    ("Is it over 18?", "Is it under 18?"),
]
LET_THROUGH = [
    ("Give me 2 examples", "Give me two examples"),
    ("What is twenty-one squared?", "What is 21 squared?"),
    ("Can I send 1,000 dollars?", "Can I send $1000?"),
    ("My salary is 50k", "My salary is 50,000"),
    ("Is $5.00 enough?", "Is 5 dollars enough?"),
    ("How many cm are in an inch?", "How many centimetres are in 1 inch?"),
    ("a dozen roses", "12 roses"),
    ("What happened in World War II?", "What happened in World War 2?"),
    ("Which one is the best laptop?", "What is the best laptop?"),
    ("How do I get a new card?", "How do I get one new card?"),
    ("15 percent of 80", "15% of 80"),
    ("The 2nd of the series", "the second of the series"),
    ("Run for two and a half hours", "Run for 2.5 hours"),
    ("It weighs 3 kg", "It weighs three kilograms"),
    ("How long is a 10 km run?", "How long is a run of 10 kilometers?"),
    ("1.5 million users", "1500000 users"),
    ("Sleep eight hrs", "Sleep 8 hours"),
    ("What is 6 plus 2?", "What is 6 + 2?"),
    ("They were charged two times", "They were charged twice"),
    ("A couple of weeks", "2 weeks"),
    ("Is there anything over 100 dollars?", "Is there anything above $100?"),
    ("No more than 5 people", "At most 5 people"),
    ("I want only one thing: a refund", "One thing only: I want a refund"),
    ("At first, how do I log in?", "How do I log in?"),
    ("I only got a small part of it", "I got a small part of it"),
    ("I asked for 30 pounds and got 10", "I asked for 30 pounds and got 10 pounds"),
    ("half a million people", "500,000 people"),
    ("¥500 in yen", "500 yen"),
    ("Twenty first century art", "21st century art"),
    ("My card does not work at all", "My card does not work"),
    ("twelve hundred words", "1200 words"),
    ("Can I have an account in my own name?", "Can I open an account in my name?"),
]


@pytest.mark.parametrize(("one", "other"), STOPPED)
def test_stops(one: str, other: str) -> None:
    assert NUMBERS(one, other)
    assert NUMBERS(other, one)


@pytest.mark.parametrize(("one", "other"), LET_THROUGH)
def test_lets_through(one: str, other: str) -> None:
    assert NUMBERS(one, other) is None
    assert NUMBERS(other, one) is None


def test_shows_both_numbers() -> None:
    assert NUMBERS("after 7 days", "after 14 days") == "7 day ≠ 14 day"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1,000", "1000"),
        ("1,000,000", "1000000"),
        ("1,5", "1.5"),
        ("3.10", "3.10"),
        ("1,2,3", "1,2,3"),
    ],
)
def test_figures(written: str, read: str) -> None:
    assert figure(written) == read
