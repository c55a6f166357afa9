from __future__ import annotations

import pytest

from cacheback.core.guards.names import NAMES

STOPPED = [
    ("What is the capital of France?", "What is the capital of Germany?"),
    ("population of paris", "population of london"),
    ("Sort a list in Python", "Sort a list in Java"),
    ("sort a list in go", "sort a list in rust"),
    ("Is C++ fast?", "Is C# fast?"),
    ("Is C fast?", "Is C++ fast?"),
    ("What is JavaScript?", "What is Java?"),
    ("Postgres connection string", "MySQL connection string"),
    ("Price of GPT-4", "Price of GPT-4o"),
    ("opening hours", "opening hours in Berlin"),
    ("When was Ada Lovelace born?", "When was Grace Hopper born?"),
    ("What does `map` do?", "What does `filter` do?"),
    ("What does 'ubiquitous' mean?", "What does 'ambiguous' mean?"),
    ("git push --force", "git push --force-with-lease"),
    ("What does /etc/hosts do?", "What does /etc/passwd do?"),
    ("Open report.pdf", "Open invoice.pdf"),
    ("Summarise https://a.example/x", "Summarise https://a.example/y"),
    ("Write to ann@example.com", "Write to bob@example.com"),
    ("Explain os.path", "Explain os.environ"),
    ("the useState hook", "the useEffect hook"),
    ("Living in North Korea", "Living in South Korea"),
    ("Is it Polish food?", "Is it polish food?"),
    ("What is my name?", "What is your name?"),
    ("How old am I?", "How old are you?"),
    ("feliz año", "feliz ano"),
    ("vitamin C benefits", "vitamin D benefits"),
    ("difference between == and is", "difference between === and is"),
    ("What does && mean?", "What does || mean?"),
    ("Is a 3D printer worth it?", "Is a printer worth it?"),
    ("Einstein's birthday", "Newton's birthday"),
    ('Translate "good night"', 'Translate "good day"'),
    ("Travel to the US", "Travel to the UK"),
    ("Will you solve IT problems?", "Will it solve problems?"),
    ("She told us so", "She told the US so"),
]
LET_THROUGH = [
    ("What is Python?", "Tell me about Python"),
    ("capital of France?", "What is the capital of France?"),
    ("What is the capital of France?", "what is the capital of france"),
    ("WHAT IS THE CAPITAL OF FRANCE", "What is the capital of France?"),
    ("How To Reset My Password", "How do I reset my password?"),
    ("Reset my Password", "Reset my password"),
    ("Connect to PostgreSQL", "connect to postgres"),
    ("What's JS?", "What is JavaScript?"),
    ("What does 'ubiquitous' mean?", "What does ubiquitous mean?"),
    ('What is "machine learning"?', "What is machine learning?"),
    ("Moving to the U.S.", "Moving to the USA"),
    ("Paris's population", "The population of Paris"),
    ("How do I charge my iPhones?", "How do I charge my iPhone?"),
    ("I'd like a card. What's the fee?", "What is the fee for a card?"),
    ("I've lost it! Help Me", "I've lost it, help me"),
    ("What `git push` does", "what does git push do"),
    ("Where's my pin", "Where is my PIN?"),
    ("Can you help me? I can't log in.", "I can't log in, can you help?"),
    ("Is it OK to freeze bread?", "Is it okay to freeze bread?"),
    ("How do I go home?", "What is the way home?"),
    ("Why did It charge me?", "Why did it charge me?"),
    ("He said it was late", "It was late, he said"),
    ("visa and/or mastercard", "mastercard and/or visa"),
    ("What is the currency of the European Union?", "What is the currency of the EU?"),
    ("Rock & roll", "Rock and roll"),
    ("Is there a Japanese restaurant?", "A restaurant that is Japanese"),
    ("resumé tips", "resume tips"),
    ("Help!!! It crashed", "Help, it crashed"),
    ("What is e=mc?", "e=mc, what is it?"),
]


@pytest.mark.parametrize(("one", "other"), STOPPED)
def test_stops(one: str, other: str) -> None:
    assert NAMES(one, other)
    assert NAMES(other, one)


@pytest.mark.parametrize(("one", "other"), LET_THROUGH)
def test_lets_through(one: str, other: str) -> None:
    assert NAMES(one, other) is None
    assert NAMES(other, one) is None


def test_names_are_shown_as_written() -> None:
    assert NAMES("Fly to Paris", "Fly to Rome") == "Paris ≠ Rome"
    assert NAMES("hours in Berlin", "hours") == "Berlin is asked only now"
    assert NAMES("hours", "hours in Berlin") == "Berlin was asked only then"
