"""Asking a synthesis model over HTTP, in OpenAI's dialect or Anthropic's.

Plain HTTP, not an SDK: what is asked is one request and the text of its events, an application that
uses one SDK should not need the other, and the HTTP library is there with either.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cacheback.core.synthesis import Prompt
from cacheback.errors import MissingExtraError, SynthesisError
from cacheback.models import JSON, Usage
from cacheback.synthesizers.endpoint import Endpoint
from cacheback.wire.sse import Event, Parser

http: Any
try:
    import httpx2 as http
except ImportError:
    try:
        import httpx as http  # type: ignore[import-not-found,no-redef]  # older SDKs bring this one
    except ImportError as error:
        raise MissingExtraError("httpx", "openai") from error

_CUT = "cut"
# Anthropic wants a limit. An answer that reaches it is cut, and upstream is asked.
_MAX_TOKENS = 4_096


class HTTPSynthesizer:
    """A model behind an API. Conforms to `core.ports.Synthesizer`; thread-safe, also after a fork.

    Args:
        endpoint: which model, and where it is.
        timeout: seconds to connect, and to wait for any further bytes.
    """

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self.model = endpoint.model
        self.provider = endpoint.provider
        self._endpoint = endpoint
        self._timeout = timeout
        self._lock = threading.Lock()
        self._pid = 0
        self._client: Any = None

    def write(self, prompt: Prompt) -> Written:
        return Written(self._ours(), self._endpoint, prompt)

    def close(self) -> None:
        with self._lock:
            if self._client is not None and self._pid == os.getpid():
                self._client.close()
            self._client = None

    def _ours(self) -> Any:
        """This process's client: connections that two processes share would mix their answers."""
        with self._lock:
            if self._client is None or self._pid != os.getpid():
                self._client = http.Client(timeout=self._timeout)
                self._pid = os.getpid()
            return self._client


class Written:
    """What a model writes: iterate once. `usage` and `finish_reason` are known afterwards.

    Raises while it is iterated:
        SynthesisError: the API answered with an error, or could not be reached.
        TimeoutError: nothing came for too long.
    """

    def __init__(self, client: Any, endpoint: Endpoint, prompt: Prompt) -> None:
        self.usage: Usage | None = None
        self.finish_reason: str | None = _CUT
        self._client = client
        self._endpoint = endpoint
        self._pieces: Generator[str] = self._read(_REQUESTS[endpoint.dialect](endpoint, prompt))

    def __iter__(self) -> Iterator[str]:
        return self._pieces

    def close(self) -> None:
        self._pieces.close()

    def _read(self, request: Mapping[str, Any]) -> Generator[str]:
        take = _TAKES[self._endpoint.dialect]
        parser = Parser()
        try:
            with self._client.stream("POST", **request) as response:
                if not response.is_success:
                    raise SynthesisError(f"{request['url']} answered {response.status_code}")
                for data in response.iter_bytes():
                    yield ""  # a server may say for ever that it is alive: who reads may go here
                    for event in parser.feed(data):
                        piece = take(self, event)
                        if piece:
                            yield piece
        except http.TimeoutException as error:
            raise TimeoutError(f"{request['url']} takes too long") from error
        except http.HTTPError as error:
            raise SynthesisError(f"{request['url']}: {type(error).__name__}") from error

    def ended(self, reason: JSON) -> None:
        """How the reply ended, where an event tells that."""
        if isinstance(reason, str):
            self.finish_reason = reason

    def count(self, usage: Usage) -> None:
        """The tokens of the call. On a machine of one's own they cost nothing."""
        self.usage = replace(usage, cost=0.0) if self._endpoint.free else usage


def _ask_openai(endpoint: Endpoint, prompt: Prompt) -> dict[str, Any]:
    body = {
        "model": endpoint.model,
        "messages": [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": prompt.user},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    headers = {"authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    url = f"{endpoint.base_url.rstrip('/')}/chat/completions"
    return {"url": url, "json": body, "headers": headers}


def _take_openai(reply: Written, event: Event) -> str | None:
    if event.data.startswith("[DONE]"):
        reply.ended("stop" if reply.finish_reason == _CUT else None)
        return None
    chunk = _object(event)
    match chunk.get("usage"):
        case {"prompt_tokens": int(asked), "completion_tokens": int(said)}:
            reply.count(Usage(asked, said))
    match chunk.get("choices"):
        case [{**choice}, *_]:
            reply.ended(choice.get("finish_reason"))
            match choice.get("delta"):
                case {"content": str(text)}:
                    return text
    return None


def _ask_anthropic(endpoint: Endpoint, prompt: Prompt) -> dict[str, Any]:
    body = {
        "model": endpoint.model,
        "max_tokens": _MAX_TOKENS,
        "system": prompt.system,
        "messages": [{"role": "user", "content": prompt.user}],
        "stream": True,
    }
    headers = {"anthropic-version": "2023-06-01"}
    if endpoint.api_key:
        headers["x-api-key"] = endpoint.api_key
    return {"url": f"{endpoint.base_url.rstrip('/')}/v1/messages", "json": body, "headers": headers}


def _take_anthropic(reply: Written, event: Event) -> str | None:
    match _object(event):
        case {"type": "content_block_delta", "delta": {"text": str(text)}}:
            return text
        case {"type": "message_start", "message": {"usage": {"input_tokens": int(asked)}}}:
            reply.count(Usage(asked, 0))
        case {"type": "message_delta", "delta": {**delta}, "usage": {"output_tokens": int(said)}}:
            reply.ended(delta.get("stop_reason"))
            reply.count(Usage(reply.usage.input_tokens if reply.usage else 0, said))
    return None


def _object(event: Event) -> Mapping[str, JSON]:
    """An event's data.

    Raises:
        SynthesisError: it tells of an error, or is no JSON object.
    """
    try:
        data = json.loads(event.data)
    except (ValueError, RecursionError):  # not JSON, or nested deeper than Python reads
        data = None
    if not isinstance(data, dict) or data.get("error") is not None:
        raise SynthesisError("the synthesis model's stream told of an error, or cannot be read")
    return data


_REQUESTS = {"openai": _ask_openai, "anthropic": _ask_anthropic}
_TAKES = {"openai": _take_openai, "anthropic": _take_anthropic}
