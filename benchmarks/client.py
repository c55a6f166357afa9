"""A call of the real OpenAI SDK: answered from memory, or recorded, over the SDK alone."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

from benchmarks.figure import Figure, Goal
from benchmarks.measure import Pairs, Stopwatch, in_turns, quiet, side_by_side
from benchmarks.setting import ANSWER, Setting, encode
from cacheback import SemanticCache

_JSON = {"content-type": "application/json"}
_EVENTS = {"content-type": "text/event-stream"}
_KEY = "sk-benchmark"  # never leaves the process
_COMPLETION = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER.text, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 80, "total_tokens": 92},
    }
).encode()


# A model that is quick: the first token after so many seconds, then 200 tokens a second.
_FIRST, _PACE, _TOKENS = 0.05, 0.005, 100


def figures(setting: Setting) -> Iterator[Figure]:
    if importlib.util.find_spec("openai") is None:
        return
    from openai import OpenAI  # noqa: PLC0415 - an extra

    from cacheback import CachedOpenAI  # noqa: PLC0415 - needs it

    with (
        SemanticCache(setting.scratch / "client") as cache,
        closing(OpenAI(api_key=_KEY, http_client=_answering())) as bare,
        closing(CachedOpenAI(api_key=_KEY, http_client=_answering(), cache=cache)) as cached,
    ):
        yield from _calls(cached, bare, setting.asked(0, setting.size(300, 10)))
        yield from _streams(cached, bare, setting.asked(300, setting.size(20, 2)))


def _calls(cached: Any, bare: Any, texts: Sequence[str]) -> Iterator[Figure]:
    """A miss, an exact and a semantic hit: the last over the SDK and one encode of the text."""
    warm = len(texts) // 10
    misses = side_by_side(_asking(cached), _asking(bare), texts, warm=warm)
    hits = side_by_side(_asking(cached), _asking(bare), texts * 3, warm=len(texts))
    if not _asking(cached)(texts[0]).cacheback_hit:
        raise AssertionError("the second time was not a hit")
    yield _figure("exact hit through the OpenAI SDK", hits)
    yield _added("exact hit through the OpenAI SDK: added", hits)

    meant = [f"{text} Thanks" for text in texts]
    served = []

    def ask_again(text: str) -> None:
        served.append(_asking(cached)(text).cacheback["tier"] == "semantic")

    def ask_and_encode(text: str) -> None:
        _asking(bare)(text)
        encode(text)

    pairs = side_by_side(ask_again, ask_and_encode, meant, warm=warm)
    semantic = pairs.only(served[warm:])
    beside = "the same SDK with a network in memory, and one encode of the text"
    share = f"{sum(served)} of {len(served)} were hits"
    yield _figure("semantic hit through the OpenAI SDK", semantic, floor_is=beside, note=share)
    yield _added("semantic hit through the OpenAI SDK: added", semantic)
    yield _figure("miss through the OpenAI SDK, recorded", misses)


def _streams(cached: Any, bare: Any, texts: Sequence[str]) -> Iterator[Figure]:
    """What recording a stream costs: the calls are refreshes, which look nothing up."""
    beside = f"the same SDK and stream: {_TOKENS} tokens, {1 / _PACE:.0f} a second"
    for name, stopwatch in (("first chunk", _first_chunk), ("whole", _whole_stream)):
        with quiet():
            pairs = in_turns(stopwatch(cached), stopwatch(bare), texts)
        yield _figure(
            f"stream through the OpenAI SDK, recorded: {name}",
            pairs,
            floor_is=beside,
            goal=Goal("≤", 1.02, of="ratio"),
        )


def _first_chunk(client: Any) -> Stopwatch[str]:
    def timed(text: str) -> int:
        begun = time.perf_counter_ns()
        with _stream(client, text) as stream:
            next(iter(stream))
            return time.perf_counter_ns() - begun

    return timed


def _whole_stream(client: Any) -> Stopwatch[str]:
    def timed(text: str) -> int:
        begun = time.perf_counter_ns()
        with _stream(client, text) as stream:
            for _ in stream:
                pass
        return time.perf_counter_ns() - begun

    return timed


def _stream(client: Any, text: str) -> Any:
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(
        model="gpt-4o-mini",
        messages=messages,
        stream=True,
        extra_headers={"X-Cacheback-Mode": "refresh"},
    )


def _answering() -> Any:
    """The SDK's own kind of HTTP client, with a network that answers at once."""
    from openai import DefaultHttpxClient  # noqa: PLC0415 - an extra

    library = next(
        sys.modules[name]
        for name in (kind.__module__.partition(".")[0] for kind in DefaultHttpxClient.__mro__)
        if name in ("httpx", "httpx2")
    )

    class Events(library.SyncByteStream):  # type: ignore[misc,name-defined]  # found at run time
        """A stream that comes at a model's pace."""

        def __iter__(self) -> Iterator[bytes]:
            time.sleep(_FIRST)
            for number in range(_TOKENS):
                yield _chunk({"content": f"word{number} "}, None)
                time.sleep(_PACE)
            yield _chunk({}, "stop")
            yield b"data: [DONE]\n\n"

    def answer(request: Any) -> Any:
        if b'"stream":true' in request.content.replace(b" ", b""):
            return library.Response(200, headers=_EVENTS, stream=Events())
        return library.Response(200, headers=_JSON, content=_COMPLETION)

    return DefaultHttpxClient(transport=library.MockTransport(answer))


def _chunk(delta: dict[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini",
        "choices": [choice],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _asking(client: Any) -> Callable[[str], Any]:
    def ask(text: str) -> Any:
        messages = [{"role": "user", "content": text}]
        return client.chat.completions.create(model="gpt-4o-mini", messages=messages)

    return ask


def _added(name: str, pairs: Pairs) -> Figure:
    """What stands on top of the floor, the median over pairs."""
    return Figure(name, pairs.difference / 1e6, "ms", goal=Goal("≤", 0.1))


def _figure(
    name: str,
    pairs: Pairs,
    *,
    floor_is: str = "the same SDK with a network in memory that answers at once",
    goal: Goal | None = None,
    note: str = "",
) -> Figure:
    slowest = f"p99 {pairs.subject.percentile(99) / 1e6:.2f} ms"
    return Figure(
        name,
        pairs.subject.percentile(50) / 1e6,
        "ms",
        floor=pairs.floor.percentile(50) / 1e6,
        floor_is=floor_is,
        ratio=pairs.ratio,
        goal=goal,
        note=f"{note}; {slowest}" if note else slowest,
    )
