"""Turns: a conversation, however LangChain holds it, as question and scope.

What may live here: what the fields of messages mean for an answer. Kept are role, text, attachments
by digest, the names and arguments of tool calls and what tools gave back. Left out is what changes
with every run and reaches no model: ids, usage, response metadata of earlier turns.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

Turn = Mapping[str, Any]
"""A message's fields: `type`, `content`, `tool_calls` and so on."""

# From here on a text beside the question is told by its digest: pictures are megabytes.
_LONG = 256

# What a model is sent of `additional_kwargs`; the rest tells how an earlier answer came.
_SENT = ("__openai_role__", "audio", "function_call", "refusal")

# Blocks of content that say again what stands in `tool_calls`.
_CALLS = frozenset({"function_call", "tool_call", "tool_use"})
_WITHOUT_EFFECT = frozenset({"cache_control", "index"})


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns, taken apart.

    `question` is the last human text, if it comes last; `system` the system messages at the
    beginning, `history` every other earlier turn, `attachments` what stands beside the question.
    `has_tools` tells whether a tool was called in an earlier turn.
    """

    question: str
    system: list[Any]
    history: list[Any]
    attachments: list[Any]
    has_tools: bool


def turns_in(prompt: str) -> list[Turn] | None:
    """The messages that LangChain's `dumps` wrote, or None for the text of a plain prompt."""
    if not prompt.startswith("["):
        return None
    try:
        dumped = json.loads(prompt)
    except ValueError:
        return None
    if not dumped or not all(_is_message(one) for one in dumped):
        return None
    return [{"type": one["id"][-1], **one["kwargs"]} for one in dumped]


def turns_of(messages: Iterable[BaseMessage]) -> list[Turn]:
    """The same of messages that are at hand."""
    return [{name: getattr(message, name, None) for name in _FIELDS} for message in messages]


_FIELDS = (
    "type",
    "role",
    "name",
    "content",
    "tool_calls",
    "invalid_tool_calls",
    "tool_call_id",
    "status",
    "additional_kwargs",
)


def plain(prompt: str) -> Conversation:
    """The prompt of a model that completes text."""
    return Conversation(prompt, system=[], history=[], attachments=[], has_tools=False)


def conversation(turns: Sequence[Turn]) -> Conversation:
    """Take turns apart."""
    system = list(takewhile(lambda turn: _role(turn) in ("system", "developer"), turns))
    rest = turns[len(system) :]
    asking = rest[-1] if rest and _role(rest[-1]) == "human" else None
    earlier = rest if asking is None else rest[:-1]
    names = _CallNames()
    question, attachments = _asked(asking["content"]) if asking else ("", [])
    beside = _said(asking, names) if asking else {}
    return Conversation(
        question=question,
        system=[_said(turn, names) for turn in system],
        history=[
            *(_said(turn, names) for turn in earlier),
            # What else the asking message tells, such as who says it.
            *([{**beside, "content": None}] if beside.keys() - {"role", "content"} else []),
        ],
        attachments=attachments,
        has_tools=any(_uses_tools(turn) for turn in earlier),
    )


def _is_message(one: Any) -> bool:
    match one:
        case {"lc": int(), "type": "constructor", "id": [*_, str(name)], "kwargs": dict(fields)}:
            return "Message" in name and isinstance(fields.get("content"), str | list)
    return False


def _role(turn: Turn) -> str:
    kwargs = turn.get("additional_kwargs") or {}
    kind = str(kwargs.get("__openai_role__") or turn.get("role") or turn["type"])
    return kind.removesuffix("Chunk").removesuffix("Message").lower()


def _uses_tools(turn: Turn) -> bool:
    if _role(turn) in ("tool", "function"):
        return True
    kwargs = turn.get("additional_kwargs") or {}
    return _calls(turn) or "function_call" in kwargs


def _calls(turn: Turn) -> bool:
    return bool(turn.get("tool_calls") or turn.get("invalid_tool_calls"))


def _said(turn: Turn, names: _CallNames) -> dict[str, Any]:
    """A turn as it counts."""
    kwargs = turn.get("additional_kwargs") or {}
    status = turn.get("status")
    said = {
        "role": _role(turn),
        "content": _content(turn["content"], said_again=_calls(turn)),
        "name": turn.get("name"),
        "tool_calls": [names.call(one) for one in turn.get("tool_calls") or ()],
        "invalid_tool_calls": [names.call(one) for one in turn.get("invalid_tool_calls") or ()],
        "answers": names.named(turn.get("tool_call_id")),
        "status": None if status == "success" else status,
        "kwargs": {name: kwargs[name] for name in _SENT if kwargs.get(name) is not None},
    }
    return {name: value for name, value in said.items() if value not in (None, [], {})}


def _content(content: Any, *, said_again: bool) -> Any:
    """Content as it counts: a single plain text is that text."""
    if isinstance(content, str):
        return content
    blocks = [_block(one) for one in content if not (said_again and _is_call(one))]
    if len(blocks) == 1 and set(blocks[0]) == {"type", "text"}:
        return blocks[0]["text"]
    return blocks


def _asked(content: Any) -> tuple[str, list[Any]]:
    """The text of a question, and what is attached to it, with the places of the texts."""
    if isinstance(content, str):
        return content, []
    blocks = [_block(one) for one in content]
    texts = [one["text"] for one in blocks if _is_text(one)]
    if len(texts) == len(blocks) and all(set(one) == {"type", "text"} for one in blocks):
        return "\n".join(texts), [] if len(texts) == 1 else [text.count("\n") for text in texts]
    # The number of lines of each text: the same joined text could stand differently around a
    # picture.
    places = [{**one, "text": one["text"].count("\n")} if _is_text(one) else one for one in blocks]
    return "\n".join(texts), places


def _block(block: Any) -> dict[str, Any]:
    """A content block without what has no effect, its data replaced by digests."""
    if isinstance(block, str):
        return {"type": "text", "text": block}
    kept = {
        name: value
        for name, value in block.items()
        if name not in _WITHOUT_EFFECT and value not in (None, []) and not _is_made_up(name, value)
    }
    return kept if _is_text(kept) else {name: _digested(value) for name, value in kept.items()}


def _is_made_up(name: str, value: Any) -> bool:
    """True for ids that LangChain or a provider gave a block; `file-…` names what it shows."""
    return name == "id" and str(value).startswith(("lc_", "msg_", "rs_", "fc_"))


def _is_text(block: Mapping[str, Any]) -> bool:
    return block.get("type") == "text" and isinstance(block.get("text"), str)


def _is_call(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") in _CALLS


def _digested(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONG:
        return "sha256:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    if isinstance(value, Mapping):
        return {name: _digested(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_digested(one) for one in value]
    return value


class _CallNames:
    """Names calls by the order in which they appear: providers make up their ids at random."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def named(self, id_: str | None) -> str | None:
        return None if id_ is None else self._names.setdefault(id_, f"call_{len(self._names)}")

    def call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        name, args = call.get("name"), call.get("args")
        return {"name": name, "args": args, "id": self.named(call.get("id"))}
