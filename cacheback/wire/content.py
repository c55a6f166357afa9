"""What a message's content says: its text, and what is attached to it, by digest.

What may live here: the forms of content parts (OpenAI) and blocks (Anthropic), which are alike.
What it may not know: roles, turns, the rest of a request. Equivalent ways to write content become
one; nothing that can change the answer is left out. No function recurses: foreign JSON may be
nested deeply.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence

from cacheback.models import JSON
from cacheback.wire.shapes import are_objects

Part = Mapping[str, JSON]
Item = dict[str, JSON]

_TEXTS = frozenset({"text", "input_text", "output_text"})
_DATA_FIELDS = ("data", "file_data")


def readable(content: JSON) -> bool:
    """True for content as we know it: nothing, a text, or a list of parts."""
    return content is None or isinstance(content, str) or are_objects(content)


def normal(content: JSON) -> JSON:
    """Content as it enters the scope: a single plain text is that text, attachments are digests."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = [part(one) for one in content]
    return parts[0]["text"] if len(parts) == 1 and is_plain(parts[0]) else parts


def asked(content: JSON) -> tuple[str, list[Item]]:
    """The question that a content asks, and what is attached to it."""
    if content is None or isinstance(content, str):
        return content or "", []
    parts = [part(one) for one in content]
    return "\n".join(one["text"] for one in parts if is_text(one)), _layout(parts)


def beside(message: Part, own: Sequence[str]) -> list[Item]:
    """What the asking message says besides its own fields, such as a name, as a turn before it."""
    said = {k: v for k, v in message.items() if k not in own and v not in (None, [])}
    return [{"role": "user", **said}] if said else []


def _layout(parts: list[Item]) -> list[Item]:
    """The attachments in their order, with place holders where text stands.

    Empty when there is nothing but plain text. Every text but the last says how many lines it has:
    else the same joined text could stand differently around a picture.
    """
    if all(is_plain(one) for one in parts):
        return []
    texts = [index for index, one in enumerate(parts) if is_text(one)]
    return [
        _placeholder(one, last=index == texts[-1]) if is_text(one) else one
        for index, one in enumerate(parts)
    ]


def _placeholder(one: Item, *, last: bool) -> Item:
    return {**one, "text": None if last else one["text"].count("\n") + 1}


def is_text(one: Part) -> bool:
    kind = one.get("type")
    return isinstance(kind, str) and kind in _TEXTS and isinstance(one.get("text"), str)


def is_tools(one: Part) -> bool:
    """True for a block that calls a tool or tells what it gave (Anthropic)."""
    kind = one.get("type")
    return isinstance(kind, str) and kind.endswith(("tool_use", "tool_result"))


def is_plain(one: Part) -> bool:
    return is_text(one) and len(one) == 2  # noqa: PLR2004 - type and text, nothing else


def part(one: Part) -> Item:
    """A content part without what has no effect, its data replaced by digests.

    Data stands in the part itself or one level below: {"type": "image_url", "image_url": {…}}.
    """
    kept = {k: v for k, v in one.items() if k != "cache_control" and _says(k, v)}
    if is_text(kept) or is_tools(kept):  # what a tool is given and gives is never abridged
        return kept
    return {name: _digested(name, value) for name, value in kept.items()}


def _says(name: str, value: JSON) -> bool:
    return value is not None and value != [] and (name, value) != _DEFAULT_DETAIL


_DEFAULT_DETAIL = ("detail", "auto")


def _digested(name: str, value: JSON) -> JSON:
    if not isinstance(value, Mapping):
        return _digest_of(name, value)
    if value.get("type") == "text":  # Anthropic's plain text as a document: `data` is no base64
        return value
    return {k: _digest_of(k, v) for k, v in value.items() if _says(k, v)}


def _digest_of(name: str, value: JSON) -> JSON:
    """A data URL or a field of base64 → its media type and the SHA-256 of the bytes it stands for.

    An address (http) stays what it is: what it leads to is not known here.
    """
    if not isinstance(value, str):
        return value
    if value.startswith("data:"):
        head, _, data = value.partition(",")
        return f"{head.removesuffix(';base64')},{_sha256(data, encoded=head.endswith(';base64'))}"
    return _sha256(value, encoded=True) if name in _DATA_FIELDS else value


def _sha256(data: str, *, encoded: bool) -> str:
    return "sha256:" + hashlib.sha256(_bytes(data, encoded=encoded)).hexdigest()


def _bytes(data: str, *, encoded: bool) -> bytes:
    """The bytes behind base64; what is not base64 counts as the text that it is."""
    if encoded:
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            pass
    return data.encode("utf-8", "surrogatepass")


class CallNames:
    """Names calls by the order in which they appear: the provider makes up their ids at random."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def renamed(self, item: JSON, field: str) -> JSON:
        """The item with its call's name in this field, if it has an id there."""
        if not isinstance(item, Mapping) or not isinstance(item.get(field), str):
            return item
        name = self._names.setdefault(item[field], f"call_{len(self._names)}")
        return {**item, field: name}
