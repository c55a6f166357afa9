from __future__ import annotations

import pytest

from cacheback.core.guards.order import COMPARISON, DIRECTION

DIRECTION_STOPPED = [
    ("Flights from Paris to London", "Flights from London to Paris"),
    ("Convert USD to EUR", "Convert EUR to USD"),
    ("How do I convert a list to a string?", "How do I convert a string to a list?"),
    ("Translate from English to French", "Translate from French to English"),
    ("Transfer from savings to checking", "Transfer from checking to savings"),
    ("Migrate from MySQL to Postgres", "Migrate from Postgres to MySQL"),
    ("Turn water into wine", "Turn wine into water"),
    ("How do I send money to Spain?", "How do I send money from Spain?"),
    ("Celsius -> Fahrenheit", "Fahrenheit -> Celsius"),
    ("Train from the airport to the city", "Train from the city to the airport"),
    ("Parse JSON into YAML", "Parse YAML into JSON"),
    ("Replace butter with oil", "Replace oil with butter"),
    ("Substitute butter for oil", "Substitute oil for butter"),
    ("Use tabs instead of spaces", "Use spaces instead of tabs"),
    ("How many feet in a mile?", "How many miles in a foot?"),
    ("10 miles in kilometers", "10 kilometers in miles"),
    ("Copy from the server to my laptop", "Copy from my laptop to the server"),
    ("Cast int to float", "Cast float to int"),
    ("Switch from Android to iPhone", "Switch from iPhone to Android"),
    ("Merge develop into main", "Merge main into develop"),
    ("A letter from my landlord", "A letter to my landlord"),
    ("Upgrade from Windows 10 to Windows 11 Pro", "Upgrade from 11 Pro to Windows 10"),
    ("money sent to me from Bob", "money sent from me to Bob"),
]
DIRECTION_LET_THROUGH = [
    ("Flights from Paris to London", "Flights to London from Paris"),
    ("How do I get from Paris to London?", "Which way is it from Paris to London?"),
    ("How to convert USD to EUR", "Converting USD into EUR"),
    ("How do I want to pay?", "How do I pay?"),
    ("Transfer money from savings to checking", "Move funds from savings to checking"),
    ("Is it safe to fly to Cairo?", "Is flying to Cairo safe?"),
    ("I want to go to Rome", "How do I get to Rome?"),
    ("Change to whisper mode", "Change mode to whisper"),
    ("Compare apples to oranges", "Compare oranges and apples"),
    ("Use tabs instead of spaces", "Instead of spaces, use tabs"),
    ("How many cm are in 4 inches?", "What is 4 inches in cm?"),
    ("The road to hell", "Where is the road to hell?"),
    ("How do I reset to factory settings?", "Reset to factory settings"),
    ("Talk to a human", "I need to talk to a person"),
    ("Add milk to my list", "Put milk on my list"),
    ("Give the book to Mary", "Give Mary the book"),
    ("Exchange rate for my payment", "The rate of exchange for my payment"),
    ("The difference between A and B", "The difference between B and A"),
    ("Replace oil with butter", "Butter as a replacement for oil"),
    ("How long does it take to walk to school?", "How long is the walk to school?"),
    ("Remove a file from git", "Delete a file from git"),
    ("Where do I go to vote?", "Where can I vote?"),
]
COMPARISON_STOPPED = [
    ("Is Python faster than Java?", "Is Java faster than Python?"),
    ("Are cats smarter than dogs?", "Are dogs smarter than cats?"),
    ("Is Mars bigger than Venus?", "Is Venus bigger than Mars?"),
    ("Should I run before breakfast?", "Should I eat breakfast before a run?"),
    ("Stretch after running", "Run after stretching"),
    ("Did Brazil beat Germany?", "Did Germany beat Brazil?"),
    ("Does smoking cause stress?", "Does stress cause smoking?"),
    ("Why is tea better than coffee?", "Why is coffee better than tea?"),
    ("Advantages of Rust over Go", "Advantages of Go over Rust"),
    ("Who killed Hamlet?", "Who was killed by Hamlet?"),
    ("Do more women than men vote?", "Do more men than women vote?"),
    ("Is gold heavier than lead?", "Is lead heavier than gold?"),
    ("Did Microsoft acquire GitHub?", "Did GitHub acquire Microsoft?"),
    ("Is a meter longer than a yard?", "Is a yard longer than a meter?"),
    ("Do lions eat hyenas?", "Do hyenas eat lions?"),
    ("Is rent more important than food?", "Is food more important than rent?"),
    ("Shower before swimming", "Swim before a shower"),
    ("Why prefer tabs over spaces?", "Why prefer spaces over tabs?"),
    ("Did France invade Russia?", "Did Russia invade France?"),
    ("Does a square contain a circle?", "Does a circle contain a square?"),
    ("Is Lima warmer than Quito?", "Is Quito warmer than Lima?"),
]
COMPARISON_LET_THROUGH = [
    ("Is Python faster than Java?", "Does Python run faster than Java?"),
    ("Is Python or Java faster?", "Is Java or Python faster?"),
    ("Which is better, tea or coffee?", "Which is better, coffee or tea?"),
    ("Compare cats and dogs", "Compare dogs and cats"),
    ("iPhone vs Android", "Android vs iPhone"),
    ("Stretch before running", "After stretching, run"),
    ("Should I eat before the gym?", "Is it good to eat before the gym?"),
    ("Did Brazil beat Germany?", "Was Germany beaten by Brazil?"),
    ("Is Mars bigger than Venus?", "Is Mars larger than Venus?"),
    ("It takes longer than a week", "It takes more than a week"),
    ("Who killed Hamlet?", "Who was it that killed Hamlet?"),
    ("What comes before winter?", "Before winter, what comes?"),
    ("What is included in the plan?", "What does the plan include?"),
    ("Better than nothing", "It is better than nothing"),
    ("Is a square in a circle?", "Is there a square in a circle?"),
    ("How much do lions eat?", "What amount do lions eat?"),
    ("Call me after lunch", "After lunch, call me"),
    ("Do I pay after the trial?", "Is payment due after the trial?"),
    ("Is Rust better than Go?", "Is Rust really better than Go?"),
    ("Rather tea than coffee", "Tea rather than coffee"),
    ("My card expires before my trip", "Before my trip my card expires"),
]


@pytest.mark.parametrize(("one", "other"), DIRECTION_STOPPED)
def test_direction_stops(one: str, other: str) -> None:
    assert DIRECTION(one, other)
    assert DIRECTION(other, one)


@pytest.mark.parametrize(("one", "other"), DIRECTION_LET_THROUGH)
def test_direction_lets_through(one: str, other: str) -> None:
    assert DIRECTION(one, other) is None
    assert DIRECTION(other, one) is None


@pytest.mark.parametrize(("one", "other"), COMPARISON_STOPPED)
def test_comparison_stops(one: str, other: str) -> None:
    assert COMPARISON(one, other)
    assert COMPARISON(other, one)


@pytest.mark.parametrize(("one", "other"), COMPARISON_LET_THROUGH)
def test_comparison_lets_through(one: str, other: str) -> None:
    assert COMPARISON(one, other) is None
    assert COMPARISON(other, one) is None
