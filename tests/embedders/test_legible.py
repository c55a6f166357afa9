"""What the bundled model can read, and that nothing is dropped by its tokenizer unseen."""

# ruff: noqa: RUF001 - characters that look like others are the point

from __future__ import annotations

import unicodedata

import pytest
from tokenizers import Tokenizer

from cacheback.embedders.minilm import _FOLDER
from cacheback.embedders.minilm.legible import _HARMLESS, legible

READABLE = [
    "How do I reset my password?",
    "line one\n\tline two\r\n",
    "café, naïve, Zürich, São Paulo, smörgåsbord",
    "cafe\u0301",
    "Łódź",
    "Beyoncé or Renée Zellweger?",
    "Wie hoch ist die Gebühr für Überweisungen?",
    "¿Cuál es la capital de Francia?",
    "J'aime le péché",
    "It costs €5, £4 or ¥700 – “about” that… isn’t it?",
    "5 µm, 20 °C, 25 ºC, π ≈ 3.14, Δt ≤ 1, α and β, x² ± ½",
    "non\u00a0breaking, zero\u200bwidth, soft\u00adhyphen, \ufeffbyte order mark",
    "© ® ™ § • →",
]

UNREADABLE = [
    "Как открыть счёт?",
    "What does the Russian word мир mean?",
    "Ποια είναι η πρωτεύουσα της Γαλλίας;",
    "法国的首都是什么？",
    "What does 你好 mean?",
    "東京の天気は？",
    "프랑스의 수도는 어디입니까?",
    "ما هي عاصمة فرنسا؟",
    "फ्रांस की राजधानी क्या है?",
    "מהי בירת צרפת?",
    "เมืองหลวงของฝรั่งเศสคืออะไร",
    "con bò ăn gì?",
    "Làm thế nào để mở tài khoản?",
    "Příliš žluťoučký kůň",
    "Is x ≠ y?",
    "x ∉ A",
    "I do n\u0336o\u0336t\u0336 want it",
    "1\ufe0f\u20e3",
    "backspace\x08",
    "null\x00",
    "escape \x1b[31m",
    "lost \ufffd",
    "hidden \U000e0041\U000e0042",
    "reversed \u202eabc",
    "private \ue000",
    "٣ apples",
    "１２ apples",
    "lone \ud800 surrogate",
]


@pytest.mark.parametrize("text", READABLE)
def test_readable(text: str) -> None:
    assert legible(text)


@pytest.mark.parametrize("text", UNREADABLE)
def test_unreadable(text: str) -> None:
    assert not legible(text)


def test_no_character_is_lost_between_the_text_and_the_model() -> None:
    """Every character that we call legible reaches the vocabulary, but for what is listed.

    The lossy steps are the tokenizer's normaliser; it is asked about each character of the basic
    plane, between two letters.
    """
    tokenizer = Tokenizer.from_file(str(_FOLDER / "tokenizer.json"))
    unexplained = [
        f"U+{ord(character):04X} becomes {read!r}"
        for character in map(chr, range(0x10000))
        if not unicodedata.category(character).startswith("Cs")
        and legible(text := f"a{character}b")
        and (read := tokenizer.normalizer.normalize_str(text)) not in expected(character)
    ]
    assert unexplained == []


def expected(character: str) -> set[str]:
    if character in _HARMLESS:
        return {"ab"}
    if character.isspace():
        return {"a b"}
    canonical = unicodedata.normalize("NFD", unicodedata.normalize("NFC", f"a{character}"))
    bare = "".join(part for part in canonical if unicodedata.category(part) != "Mn")
    kept = unicodedata.normalize("NFC", f"a{character}b")
    is_letter = all(part.isalpha() for part in kept)
    return {kept, kept.lower()} | ({f"{bare}b", f"{bare}b".lower()} if is_letter else set())
