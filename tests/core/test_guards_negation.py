from __future__ import annotations

import pytest

from cacheback.core.guards.negation import NEGATION

STOPPED = [
    ("Why can't I log in?", "Why can I log in?"),
    ("Which foods are safe during pregnancy?", "Which foods are not safe during pregnancy?"),
    ("Is it illegal to record calls?", "Is it legal to record calls?"),
    ("Can I fly with a passport?", "Can I fly without a passport?"),
    ("How do I stop getting emails?", "How do I get emails?"),
    ("Does this work offline?", "Does this never work offline?"),
    ("Which countries have an army?", "Which countries have no army?"),
    ("Is this email valid?", "Is this email invalid?"),
    ("I am able to transfer money", "I am unable to transfer money"),
    ("Is the drug approved?", "Is the drug unapproved?"),
    ("Why doesn\u2019t ice sink?", "Why does ice sink?"),
    ("Who was invited?", "Who wasn't invited?"),
    ("It isnt refundable", "It is refundable"),
    ("How do I avoid paying tax?", "How do I pay tax?"),
    ("Everyone came except Tom", "Everyone came with Tom"),
    ("I can no longer hear", "I can hear"),
    ("Is the ticket refundable?", "Is the ticket nonrefundable?"),
    ("Is it a non-smoking room?", "Is it a smoking room?"),
    ("Neither of them works", "Both of them work"),
    ("Nobody can see my posts", "People can see my posts"),
    ("I can pay but not withdraw", "I can withdraw but not pay"),
    ("How to prevent a page from loading", "How to load a page"),
    ("Should I eat before the test?", "Should I not eat before the test?"),
    ("Why was my card not declined?", "Why was my card declined?"),
    ("An unpaid internship", "A paid internship"),
    ("Can you cannot?", "Can you?"),
]
LET_THROUGH = [
    ("Why can't I log in?", "Why cannot I log in?"),
    ("Why can\u2019t I log in?", "Why can I not log in?"),
    ("I don't see my card", "I do not see my card"),
    ("My card doesn't work", "My card is not working"),
    ("Is it not possible to pay?", "Is it impossible to pay?"),
    ("This is not legal", "This is illegal"),
    ("I can't transfer money", "I am unable to transfer money"),
    ("Did my payment go through or not?", "Did my payment go through?"),
    ("I'm not sure how to activate my card", "How do I activate my card?"),
    ("I don't know how to log in", "How do I log in?"),
    ("It's open today, isn't it?", "It's open today?"),
    ("My payment failed", "My payment did not go through"),
    ("This is wrong", "This is not right"),
    ("The card is broken", "The card is not working"),
    ("My top up was declined", "My top up was not accepted"),
    ("Is it dead? Yes or no", "Is it dead?"),
    ("Not only cats but dogs purr", "Cats and dogs purr"),
    ("I can't find my PIN", "Where do I find my PIN?"),
    ("I have no idea what a monad is", "What is a monad?"),
    ("I don't understand recursion", "Recursion"),
    ("The payment is unauthorized", "I did not authorise the payment"),
    ("It stopped working", "It is not working"),
    ("I never received it", "I did not receive it"),
    ("I dont have a passport", "I have no passport"),
    ("I forgot my password", "I can't remember my password"),
    ("It hasnt arrived", "It has not arrived yet"),
    ("Neither he nor she came", "He and she did not come"),
]


@pytest.mark.parametrize(("one", "other"), STOPPED)
def test_stops(one: str, other: str) -> None:
    assert NEGATION(one, other)
    assert NEGATION(other, one)


@pytest.mark.parametrize(("one", "other"), LET_THROUGH)
def test_lets_through(one: str, other: str) -> None:
    assert NEGATION(one, other) is None
    assert NEGATION(other, one) is None


def test_tells_who_denies_what() -> None:
    assert NEGATION("Why can't I pay?", "Why can I pay?") == "denied now, not then: pay"
    assert NEGATION("Why can I pay?", "Why can't I pay?") == "denied then, not now: pay"
