"""What words tell by themselves."""

from __future__ import annotations

import pytest

from cacheback.judges.wording import one_exchanged, same

ASKED = "What is in this picture?"


@pytest.mark.parametrize(
    "other",
    [
        "what is in this picture",
        "What is in this picture ?",
        "What's in this picture?",
        "What’s in this picture??",  # noqa: RUF001 - as phones type it
        "Hi! What is in this picture?",
        "Hello there, what is in this picture? Thank you in advance.",
        "What is in this picture, please?",
    ],
)
def test_the_same_words(other: str) -> None:
    assert same(ASKED, other)
    assert same(other, ASKED)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ASKED, "What is in that picture?"),
        (ASKED, "What isn't in this picture?"),
        ("How do you say hello?", "How do you say thank you?"),
        ("How do you say thanks", "How do you say"),
        ("Translate hi", "Translate"),
        ("Hello", "Hi!"),
        ("Tom's car", "Tom is car"),
        ("from Paris to Rome", "from Rome to Paris"),
        ("?", "!"),
        ("Hi!", "Hello!"),
        ("How many letters are in can't?", "How many letters are in cannot?"),
        ("What does git branch -d do?", "What does git branch -D do?"),
        ("What matches \\d?", "What matches \\D?"),
        ("Where can I buy china?", "Where can I buy China?"),
        ("How much is 10 mW?", "How much is 10 MW?"),
        ("What is 5!?", "What is 5?"),
        ("Say it in French: are you ready?", "Say it in French: are you ready."),
        ("Rewrite: send it, please.", "Rewrite: send it."),
        ("What does résumé mean?", "What does resume mean?"),
        ("Who composed Hello, Dolly!", "Who composed Dolly!"),
        ("Hello, Dolly is by whom?", "Dolly is by whom?"),
        ("Is this rude? Give me that. Thanks.", "Is this rude? Give me that."),
    ],
)
def test_other_words(one: str, other: str) -> None:
    assert not same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is it safe to go?", "Is it unsafe to go?"),
        ("Fly from Paris to Rome", "Fly from Rome to Paris"),
        ("Can I go?", "Can I not go?"),
    ],
)
def test_one_word_is_exchanged(one: str, other: str) -> None:
    assert one_exchanged(one, other)
    assert not one_exchanged(one, f"{other} And how long does that take?")
