"""An answer cut into pieces."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from cacheback.wire.pieces import pieces, with_tokens

LOREM = "The quick brown fox jumps over the lazy dog, and then it rests.\n\nSo do we."


@given(st.text())
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert "" not in pieces(text)


def test_pieces_are_a_few_words() -> None:
    assert pieces(LOREM) == [
        "The quick brown fox",
        " jumps over the lazy",
        " dog, and then it",
        " rests.\n\nSo do we.",
    ]


def test_long_words_are_cut() -> None:
    assert [len(piece) for piece in pieces("道" * 200)] == [64, 64, 64, 8]


def test_tokens_go_with_their_pieces() -> None:
    tokens = [{"token": word, "logprob": -0.1} for word in ("a", " b", " c", " d", " e")]
    assert list(with_tokens("a b c d e", tokens)) == [("a b c d", tokens[:4]), (" e", tokens[4:])]


def test_tokens_that_are_not_the_text_go_with_the_first_piece() -> None:
    tokens = [{"token": "\\xf0"}, {"token": "\\x9f"}]
    told = list(with_tokens(LOREM, tokens))
    assert [piece for piece, _ in told] == pieces(LOREM)
    assert told[0][1] == tokens
    assert all(not group for _, group in told[1:])


@given(st.text(), st.lists(st.none() | st.integers() | st.dictionaries(st.text(), st.text())))
def test_no_token_is_lost(text: str, tokens: list[object]) -> None:
    told = list(with_tokens(text, tokens))
    assert "".join(piece for piece, _ in told) == text
    if text:
        assert list(chain.from_iterable(group for _, group in told)) == tokens
