"""Streams that go wrong: dropped among garbage, or broken off while they stand open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cacheback.core.flight import NoEntry
from cacheback.relay import SyncRelay
from cacheback.wire import anthropic_messages, openai_chat, openai_responses
from cacheback.wire.codec import Codec

ERRORS: dict[str, tuple[Codec, bytes]] = {
    "chat": (openai_chat, b'data: {"error": {"message": "overloaded"}}\n\n'),
    "responses": (openai_responses, b'event: error\ndata: {"type": "error"}\n\n'),
    "messages": (anthropic_messages, b'event: error\ndata: {"type": "error", "error": {}}\n\n'),
}


@pytest.mark.parametrize(("codec", "error"), ERRORS.values(), ids=ERRORS)
def test_nobody_joins_a_stream_that_ended_with_an_error(codec: Codec, error: bytes) -> None:
    """Not every SDK closes it when it raises that error."""
    relay = SyncRelay(iter([error]), codec.recorder({}), close=lambda: None, report=pytest.fail)
    leading = relay.join(asynchronous=False)
    following = relay.join(asynchronous=False)
    assert next(iter(leading)) == next(iter(following)) == error
    assert relay.join(asynchronous=False) is NoEntry.ALONE
    assert relay.brought().answer is None


class Response:
    """As much of an HTTP response as a relay knows."""

    closed = False

    def iter_bytes(self) -> Iterator[bytes]:
        yield b"data: [DONE]\n\n"

    def close(self) -> None:
        self.closed = True


def test_a_relay_that_goes_before_its_view() -> None:
    response = Response()
    reported: list[Any] = []
    relay = SyncRelay(
        response.iter_bytes(),
        openai_chat.recorder({}),
        close=response.close,
        report=reported.append,
    )
    view = relay.join(asynchronous=False)
    relay.__del__()
    assert relay.end.result() is NoEntry.FAILED
    view.close()
    assert response.closed
    assert relay.end.result() is NoEntry.FAILED
    assert not reported


def test_an_interrupted_reader_leaves_no_others_with_half_a_stream_that_looks_whole() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"data: {}\n\n"
        raise KeyboardInterrupt

    closed: list[bool] = []
    relay = SyncRelay(
        pieces(), openai_chat.recorder({}), close=lambda: closed.append(True), report=pytest.fail
    )
    leading, following = relay.join(asynchronous=False), relay.join(asynchronous=False)
    with pytest.raises(KeyboardInterrupt):
        list(leading)
    leading.close()
    with pytest.raises(ConnectionError, match="cut"):
        list(following)
    assert relay.join(asynchronous=False) is NoEntry.ALONE
    following.close()
    assert closed == [True]
    assert relay.end.result() is NoEntry.FAILED
