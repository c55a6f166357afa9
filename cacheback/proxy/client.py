"""The client at the other end of one ASGI exchange: its body, our response, and its going away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from cacheback.models import JSON
from cacheback.proxy.headers import value_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Seconds before it is worthwhile to watch whether the client goes away: a hit is told by then.
_UNWATCHED = 0.02


class ClientGoneError(Exception):
    """The client has closed its connection."""


class RefusedError(Exception):
    """A request that goes no further, and how to tell its client.

    Args:
        status: the HTTP status.
        message: what is wrong, and what to do; it must quote nothing secret.
        kind: a name for programs.
        **headers: further headers, `_` standing for `-`.
    """

    def __init__(self, status: int, message: str, kind: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.headers = [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ]

    @property
    def body(self) -> bytes:
        """In the form of both providers at once, which their SDKs read."""
        told: JSON = {"message": str(self), "type": self.kind, "code": self.kind, "param": None}
        return json.dumps({"type": "error", "error": told}).encode()


class Client:
    """One request's client.

    Args:
        patience: seconds that it may take for the next piece of its body, or to take one of ours.
    """

    def __init__(self, scope: Message, receive: Receive, send: Send, patience: float) -> None:
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._receive = receive
        self._send = send
        self._patience = patience
        self.status: int | None = None
        """The status that was told; None while no response has begun."""
        self._told = False
        self.gone = False
        """Whether the client has gone, and the task was cancelled for it."""
        self._watching: asyncio.TimerHandle | asyncio.Task[None] | None = None

    # Its request ------------------------------------------------------------------------------

    async def read(self, limit: int) -> bytes:
        """The whole body, of at most `limit` bytes.

        Raises:
            RefusedError: it is larger, or takes too long.
            ClientGoneError: it never came.
        """
        self._measure(limit)
        pieces: list[bytes] = []
        size = 0
        more = True
        try:
            async with asyncio.timeout(self._patience):
                while more:
                    piece, more = await self._piece()
                    size += len(piece)
                    if size > limit:
                        raise _too_large(limit)
                    pieces.append(piece)
        except TimeoutError as error:
            raise _too_slow(self._patience) from error
        return b"".join(pieces)

    def stream(self, limit: int) -> AsyncIterator[bytes]:
        """The body as it comes, of at most `limit` bytes; raises as `read` does."""
        self._measure(limit)
        return self._passing(limit)

    async def _passing(self, limit: int) -> AsyncIterator[bytes]:
        size = 0
        more = True
        while more:
            try:
                async with asyncio.timeout(self._patience):
                    piece, more = await self._piece()
            except TimeoutError as error:
                raise _too_slow(self._patience) from error
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            if piece:
                yield piece
        self.watch()

    def _measure(self, limit: int) -> None:
        told = value_of(self.headers, b"content-length")
        if told is not None and int(told) > limit:
            raise _too_large(limit)

    async def _piece(self) -> tuple[bytes, bool]:
        """The next piece, and whether there are more."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        return message.get("body", b""), message.get("more_body", False)

    # Its going away ---------------------------------------------------------------------------

    def watch(self) -> None:
        """Cancel the running task when the client goes away, once its body was read."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        async def watching() -> None:
            while (await self._receive())["type"] != "http.disconnect":
                pass
            if task is not None and not self._told:
                self.gone = True
                task.cancel()

        def begin() -> None:
            self._watching = loop.create_task(watching())

        self._watching = loop.call_later(_UNWATCHED, begin)

    def leave(self) -> None:
        """Watch no longer."""
        if self._watching is not None:
            self._watching.cancel()

    # Our response -----------------------------------------------------------------------------

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Tell the status and headers."""
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def tell(self, piece: bytes, *, last: bool = False) -> None:
        """Tell a piece of the body.

        Raises:
            ClientGoneError: the client takes no more.
        """
        self._told = last
        try:
            async with asyncio.timeout(self._patience):
                await self._send(
                    {"type": "http.response.body", "body": piece, "more_body": not last}
                )
        except (TimeoutError, OSError) as error:
            raise ClientGoneError from error

    async def refuse(self, refused: RefusedError) -> None:
        """Tell why a request goes no further; the rest of its body is not awaited."""
        body = refused.body
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *refused.headers,
        ]
        await self.begin(refused.status, headers)
        await self.tell(body, last=True)


def _too_large(limit: int) -> RefusedError:
    return RefusedError(
        413, f"the body is larger than {limit} bytes", "body_too_large", connection="close"
    )


def _too_slow(patience: float) -> RefusedError:
    message = f"the body did not arrive within {patience:g} seconds"
    return RefusedError(408, message, "body_too_slow", connection="close")
