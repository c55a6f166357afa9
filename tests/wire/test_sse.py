"""Server-sent events: any bytes, in any chunks."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheback.wire.sse import Event, Parser, encode


def parsed(*chunks: bytes) -> list[Event]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


CASES = {
    "data only": (b"data: hi\n\n", [Event("", "hi")]),
    "a name": (b"event: ping\ndata: {}\n\n", [Event("ping", "{}")]),
    "a name after its data": (b"data: {}\nevent: ping\n\n", [Event("ping", "{}")]),
    "several lines": (b"data: a\ndata: b\n\n", [Event("", "a\nb")]),
    "an empty line of data": (b"data\ndata:\n\n", [Event("", "\n")]),
    "carriage returns": (b"event: e\rdata: a\r\r", [Event("e", "a")]),
    "both": (b"event: e\r\ndata: a\r\n\r\n", [Event("e", "a")]),
    "mixed": (b"event: e\r\ndata: a\n\r\n", [Event("e", "a")]),
    "a mark at the start": (b"\xef\xbb\xbfdata: a\n\n", [Event("", "a")]),
    "a mark later on is text": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [Event("", "a")]),
    "comments": (b": hello\n\n:\ndata: a\n: b\n\n", [Event("", "a")]),
    "fields that are not ours": (b"id: 1\nretry: 5\ndata: a\nelse\n\n", [Event("", "a")]),
    "one space is not data": (b"data:a\ndata: b\ndata:  c\n\n", [Event("", "a\nb\n c")]),
    "colons in data": (b'data: {"a": 1}\n\n', [Event("", '{"a": 1}')]),
    "a name without data": (b"event: e\n\ndata: a\n\n", [Event("", "a")]),
    "not ended": (b"data: a\n\ndata: b\n", [Event("", "a")]),
    "not UTF-8": (b"data: \xff\n\n", [Event("", "\ufffd")]),
    "other ends of lines are text": (
        "data: a\u2028b\x85c\x0bd\n\n".encode(),
        [Event("", "a\u2028b\x85c\x0bd")],
    ),
    "no events": (b'{"error": "not a stream"}', []),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("case", CASES)
def test_bytes_become_events(case: str) -> None:
    data, events = CASES[case]
    assert parsed(data) == events
    assert parsed(*(bytes([byte]) for byte in data)) == events


lines = st.sampled_from(
    [b"data: a", b"data:b", b"event: e", b": c", b"", b"id: 1", b"\xef\xbb\xbf"]
)
ends = st.sampled_from([b"\n", b"\r", b"\r\n"])
streams = st.lists(st.tuples(lines, ends)).map(lambda pairs: b"".join(map(b"".join, pairs)))


@given(streams | st.binary(), st.data())
def test_chunks_do_not_matter(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream))).map(sorted))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[start:end] for start, end in itertools.pairwise(edges)]
    assert parsed(*chunks) == parsed(stream)


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.text("abc._", max_size=5), texts)
def test_what_is_written_is_read(name: str, data: str) -> None:
    read = Event(name, re.sub(r"\r\n|\r", "\n", data))
    assert parsed(encode(name, data)) == [read]


def test_an_event_as_bytes() -> None:
    assert encode("", "[DONE]") == b"data: [DONE]\n\n"
    assert encode("ping", "a\nb") == b"event: ping\ndata: a\ndata: b\n\n"


def test_a_line_that_never_ends_is_looked_at_once() -> None:
    parser = Parser()
    for _ in range(50_000):
        parser.feed(b"data: still no end")
    assert len(parser._line) == 50_000
    assert len(parser.feed(b"\n\n")[0].data) == 50_000 * 18 - len("data: ")
