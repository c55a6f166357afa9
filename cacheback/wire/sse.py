"""Server-sent events: bytes in, events out, and back (WHATWG HTML, section 9.2).

What may live here: lines, fields, events. What it may not know: what any event means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE_ENDS = b"\r\n"
_LINE_END = re.compile(r"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name ("" where none was given) and its data, lines joined by a newline."""

    event: str
    data: str


class Parser:
    """Reads events from bytes in whatever chunks they come; every byte is looked at once.

    Bytes that are not UTF-8 become U+FFFD, as the standard has it. An event that was not ended by
    an empty line is never told.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []  # the pieces of the line that is not complete yet
        self._after_cr = False  # a newline that comes next belongs to the line end before it
        self._first = True
        self._name = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if not data:
            return []
        lines = data.splitlines()  # of bytes: at \n, \r and \r\n, and nothing else
        rest = lines.pop() if data[-1] not in _LINE_ENDS else b""
        if self._after_cr and data[:1] == b"\n":
            del lines[0]
        self._after_cr = data[-1:] == b"\r"
        if lines and self._line:
            lines[0] = b"".join([*self._line, lines[0]])
            self._line.clear()
        if rest:
            self._line.append(rest)
        return [event for line in lines if (event := self._read(line)) is not None]

    def _read(self, line: bytes) -> Event | None:
        """Take one line in; the event that it completes, if it is an empty one."""
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._complete()
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(_text(value))
        elif name == b"event":
            self._name = _text(value)
        return None

    def _complete(self) -> Event | None:
        event = Event(self._name, "\n".join(self._data)) if self._data else None
        self._name = ""
        self._data = []
        return event


def _text(value: bytes) -> str:
    return value.removeprefix(b" ").decode("utf-8", "replace")


def encode(event: str, data: str) -> bytes:
    """One event as bytes; a name of "" is left out. A name is one line."""
    name = f"event: {event}\n" if event else ""
    if "\n" in data or "\r" in data:
        data = "\ndata: ".join(_LINE_END.split(data))
    return f"{name}data: {data}\n\n".encode("utf-8", "surrogatepass")
