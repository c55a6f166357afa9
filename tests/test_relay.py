"""A stream among garbage: its parts go in any order, and none may raise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cacheback.core.flight import NoEntry
from cacheback.relay import SyncRelay
from cacheback.wire import openai_chat


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
