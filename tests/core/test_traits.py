from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheback.core.traits import traits

LEANING = [
    "how old is he?",
    "what about it?",
    "and in Paris?",
    "why?",
    "Why not?",
    "the second one",
    "can you explain that again",
    "continue",
    "shorter please",
    "translate it",
    "what else",
    "yes please",
    "more examples",
    "same for Berlin",
    "What about Germany?",
    "How does that work?",
    "Is that right?",
    "Who is she married to?",
    "Where was he born?",
    "What does it mean?",
    "Make it shorter",
    "Do they ship to Canada?",
    "Translate to French",
    "In Python?",
    "Tell me more",
    "Give me another example",
    "which one is cheaper?",
    "Which is better?",
    "But why does it do that?",
    "Can you rewrite this in a formal tone?",
    "How do I get there?",
    "What did you say about the second step?",
    "as a table",
    "without using recursion",
    "go on",
    "explain",
    "Berlin?",
    "no, I meant the river",
    "What's its population?",
    "What happens then?",
    "Why is that?",
    "Can you summarise the above?",
    "Do the same in Rust",
    "How much does it cost?",
    "Is it open on Sundays?",
    "And the population?",
    "Are there any others?",
    "What is my name?",
    "What did I just ask?",
    "So what is the answer then?",
    "Could you elaborate?",
    "Your last answer was wrong",
    "When did they break up?",
    "Can I use it abroad?",
    "for a beginner",
    "Try again",
    "Compare them",
    "What's wrong with these?",
    "How about tomorrow?",
    "What are the benefits of that?",
]
SELF_CONTAINED = [
    "Is it legal to record a phone call?",
    "What time is it in Tokyo?",
    "how do I know that my card is active",
    "What is the capital of France?",
    "my card doesn't work and it says declined",
    "How long does it take to boil an egg?",
    "Is it going to rain tomorrow?",
    "How far is it from Paris to Rome?",
    "What is Python?",
    "photosynthesis",
    "Explain quantum entanglement",
    "Why is the sky blue?",
    "Who wrote Hamlet?",
    "I lost my card, how do I block it?",
    "My wife lost her card",
    "What did Einstein say about his theory?",
    "Why do cats purr when they sleep?",
    "How do I reset my password?",
    "Translate 'good night' into French",
    "Summarize this: The cat sat on the mat.",
    "Is it safe to eat raw eggs?",
    "The card that I ordered has not arrived",
    "Which is bigger, Mars or Venus?",
    "Which is the largest planet in the solar system?",
    "In what year did the war end?",
    "In Python, how do I reverse a list?",
    "What is the weather like this week?",
    "How do I get more followers on Instagram?",
    "Is there a fee for transfers?",
    "How many people are there in China?",
    "Give me an example of a metaphor",
    "Write a poem about the sea",
    "What happens if I forget my PIN?",
    "Does it cost money to open an account?",
    "Is it possible to change my address?",
    "Who is the president of France?",
    "Can someone else use my card?",
    "What makes a good leader?",
    "Tell me about the history of Rome",
    "Fix this code:\nprint('hi'",
    "Where can I find an ATM?",
    "More than 5 people want to come, what is the group price?",
    "How do companies protect their data?",
    "If a customer asks for a refund, how do I give it to them?",
    "What is the difference between a list and a tuple?",
    "Explain the same-origin policy",
    "How do I tell my boss that I quit?",
    "When was the second world war?",
    "Convert 5 km to miles",
    "For a beginner, what is the best language?",
    "Do I need a visa for Japan?",
]

NOW = [
    "What is today's date?",
    "What's the weather in Paris?",
    "weather in Berlin",
    "weather",
    "What time is it?",
    "What time is it in Tokyo?",
    "the latest version of Python",
    "Who is the president of the United States?",
    "Who's the CEO of Apple?",
    "who is the current prime minister of the UK",
    "Is the supermarket open?",
    "Is Netflix down?",
    "price of bitcoin",
    "How much is a bitcoin?",
    "What's the price of gold?",
    "Apple stock price",
    "What is the exchange rate of the euro?",
    "100 dollars in euros",
    "Convert 50 USD to EUR",
    "news about the election",
    "What's on TV tonight?",
    "Will it rain tomorrow?",
    "What happened yesterday?",
    "What day is it?",
    "what year is it",
    "How many days until Christmas?",
    "What movies are out this week?",
    "Who won the game last night?",
    "Who won the last election?",
    "When is the next eclipse?",
    "recent advances in fusion",
    "upcoming concerts in Rome",
    "What is the score of the Lakers game?",
    "What is trending on Twitter?",
    "Is GTA 6 out yet?",
    "Is the Queen still alive?",
    "What is happening in Ukraine right now?",
    "current interest rates",
    "What are the current mortgage rates?",
    "inflation rate in Germany",
    "Is it raining now?",
    "What are the best phones these days?",
    "What is the traffic like on the M25?",
    "as of today, who holds the record?",
    "How is Tesla stock doing?",
    "When is sunset?",
    "Is my flight on time?",
    "Who is the richest man in the world?",
    "gas prices",
    "Is the PS5 in stock?",
    "What holidays are there this month?",
    "events this weekend",
]
TIMELESS = [
    "What is the capital of France?",
    "now explain recursion",
    "And now explain recursion",
    "What is the present tense of go?",
    "What is electric current?",
    "How does alternating current work?",
    "What is the current through a 5 ohm resistor at 10 volts?",
    "How do I open a current account?",
    "How do I get the current date in Python?",
    "Print the current directory in bash",
    "What is the price of freedom?",
    "Explain the price of anarchy",
    "Who was the first president of the USA?",
    "Who was president in 1990?",
    "What does a CEO do?",
    "What is weather?",
    "What is the difference between weather and climate?",
    "I feel under the weather, what does that idiom mean?",
    "What is fake news?",
    "How is a credit score computed?",
    "Who won the world cup in 1998?",
    "Who won the 2008 election?",
    "How do I open a file in Python?",
    "Is Python open source?",
    "How do exchange rates work?",
    "What is an interest rate?",
    "How do I make chicken stock?",
    "What is a stock exchange?",
    "How do I store the date in SQL?",
    "Why is my card declined?",
    "My card still hasn't arrived",
    "I recently moved, how do I change my address?",
    "What is time complexity?",
    "At what temperature does water boil?",
    "What is a still life?",
    "Yet another resource negotiator",
    "Deliver it by Friday at the latest",
    "How much does an elephant weigh?",
    "How do I get into shape?",
    "What is this?",
    "How many days are in a year?",
    "What is the last letter of the alphabet?",
    "What is the next prime after 7?",
    "Is a tomato a fruit?",
    "Are dolphins mammals?",
    "How do I change my current password?",
    "What is the worth of a human life in ethics?",
    "When did the Berlin wall come down?",
    "Is the set of integers closed under addition?",
    "How many feet are in a mile?",
    "Write an up-to-date style of sentence",
    "Who wrote the first novel?",
]


@pytest.mark.parametrize("question", LEANING)
def test_leans_on_earlier_turns(question: str) -> None:
    assert traits(question).leans


@pytest.mark.parametrize("question", SELF_CONTAINED)
def test_stands_by_itself(question: str) -> None:
    assert not traits(question).leans


@pytest.mark.parametrize("question", NOW)
def test_asks_about_now(question: str) -> None:
    assert traits(question).now


@pytest.mark.parametrize("question", TIMELESS)
def test_asks_about_no_day(question: str) -> None:
    assert not traits(question).now


@pytest.mark.parametrize(
    ("one", "other"), [("What\u2019s today\u2019s date", "What's today's date")]
)
def test_typographic_apostrophes_change_nothing(one: str, other: str) -> None:
    assert traits(one) == traits(other)


@given(st.text(max_size=120))
@settings(deadline=None)
def test_any_text_is_read(text: str) -> None:
    assert traits(text) == traits(text)


def test_an_empty_question_has_no_traits() -> None:
    assert traits("") == (False, False)
