from __future__ import annotations

import pytest

from cacheback.core.guards.forms import FORMS

STOPPED = [
    ("Explain gravity in one sentence", "Explain gravity in detail"),
    ("Explain gravity", "Explain gravity briefly"),
    ("Explain TLS like I'm five", "Explain TLS to an expert"),
    ("Explain TLS", "Explain TLS in simple terms"),
    ("Give me a list of planets", "Give me a table of planets"),
    ("Describe cats as a poem", "Describe cats"),
    ("Write an essay about war", "Write a haiku about war"),
    ("Return the result as JSON", "Return the result as XML"),
    ("Answer in French: what is love?", "Answer in German: what is love?"),
    ("Erkläre Liebe auf Deutsch", "Erkläre Liebe"),
    ("Explain loops with examples", "Explain loops"),
    ("How do I bake bread, step by step?", "How do I bake bread?"),
    ("When was Bach born?", "Where was Bach born?"),
    ("Who wrote Hamlet?", "When was Hamlet written?"),
    ("Why does ice float?", "How does ice float?"),
    ("How much can I send?", "How do I send?"),
    ("How old is the house?", "How big is the house?"),
    ("List the causes of WW1", "Explain the causes of WW1"),
    ("Translate this poem", "Summarize this poem"),
    ("Can I drink coffee?", "Should I drink coffee?"),
    ("Do I have to pay tax?", "Am I able to pay tax?"),
    ("Synonym of big", "Antonym of big"),
    ("Give me a short answer: is it legal?", "Is it legal?"),
    ("Is it true? Yes or no", "Is it true? Explain in detail"),
    ("Write a short story about rain", "Write a long story about rain"),
    ("How often do planes land?", "How long do planes land?"),
    ("How did he die?", "Where did he die?"),
]
LET_THROUGH = [
    ("Explain gravity in detail", "Give me a detailed explanation of gravity"),
    ("Explain gravity briefly", "Explain gravity concisely"),
    ("Explain it like I'm 5: TLS", "ELI5 TLS"),
    ("What is gravity?", "Explain gravity"),
    ("How do I activate my card?", "What do I do to activate my card?"),
    ("When will my card arrive?", "How long until my card arrives?"),
    ("Why did it fail?", "How come it failed?"),
    ("Where can I change my PIN?", "How can I change my PIN?"),
    ("List all planets", "What are all the planets?"),
    ("What is a short position?", "Explain a short position"),
    ("How do I parse JSON?", "Parsing JSON"),
    ("When I pay, why is it declined?", "Why is it declined when I pay?"),
    ("How soon will it come?", "When will it come?"),
    ("Can I open an account for my child?", "Is it possible to open an account for my child?"),
    ("Could I get a refund?", "Can I get a refund?"),
    ("How much time does it take?", "How long does it take?"),
    ("Who is it?", "Tell me who it is"),
    ("How many times a day?", "How often a day?"),
    ("Do I need to pay?", "Do I have to pay?"),
    ("Translate 'cat' in French", "'cat' in French: translate"),
    ("What song is this?", "Tell me this song's name"),
    ("Describe photosynthesis", "Explain photosynthesis"),
    ("Is there an account for a child?", "A child wants an account"),
    ("I lost my card when I was on holiday, what now?", "Lost my card on holiday, what now?"),
    ("Summarise the plot", "Summarize the plot"),
    ("Write a poem about rain", "Compose a poem about rain"),
]


@pytest.mark.parametrize(("one", "other"), STOPPED)
def test_stops(one: str, other: str) -> None:
    assert FORMS(one, other)
    assert FORMS(other, one)


@pytest.mark.parametrize(("one", "other"), LET_THROUGH)
def test_lets_through(one: str, other: str) -> None:
    assert FORMS(one, other) is None
    assert FORMS(other, one) is None
