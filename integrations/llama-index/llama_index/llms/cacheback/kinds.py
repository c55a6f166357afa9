"""The two kinds of call, chat and completion, and what differs between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)
from llama_index.core.callbacks import EventPayload
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatInProgressEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionInProgressEvent,
    LLMCompletionStartEvent,
)

Response: TypeAlias = ChatResponse | CompletionResponse


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of call: its endpoint in the scope, its format at rest, and how events tell of it.

    `asked` names the prompt in events, and `asked_key` and `answered_key` in callbacks' payloads.
    """

    endpoint: str
    format: str
    response: type[ChatResponse | CompletionResponse]
    trace: str
    asked: str
    asked_key: EventPayload
    answered_key: EventPayload
    started: type[BaseEvent]
    in_progress: type[BaseEvent]
    ended: type[BaseEvent]

    def prompt(self, prompt: Any) -> Mapping[str, Any]:
        """The prompt, as the events call it."""
        return {self.asked: prompt}

    def said(self, text: str, delta: str | None = None) -> Response:
        """A response, or an item of a stream, that has said so much."""
        if self.response is ChatResponse:
            message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
            return ChatResponse(message=message, delta=delta)
        return CompletionResponse(text=text, delta=delta)


CHAT = Kind(
    endpoint="chat",
    format="llama_index.chat",
    response=ChatResponse,
    trace="chat",
    asked="messages",
    asked_key=EventPayload.MESSAGES,
    answered_key=EventPayload.RESPONSE,
    started=LLMChatStartEvent,
    in_progress=LLMChatInProgressEvent,
    ended=LLMChatEndEvent,
)
COMPLETION = Kind(
    endpoint="completion",
    format="llama_index.completion",
    response=CompletionResponse,
    trace="completion",
    asked="prompt",
    asked_key=EventPayload.PROMPT,
    answered_key=EventPayload.COMPLETION,
    started=LLMCompletionStartEvent,
    in_progress=LLMCompletionInProgressEvent,
    ended=LLMCompletionEndEvent,
)


def text_of(response: Response) -> str:
    """What a response says."""
    if isinstance(response, ChatResponse):
        return response.message.content or ""
    return response.text
