"""A call of the real OpenAI SDK: answered from memory, or recorded, over the SDK alone."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from benchmarks.figure import Figure
from benchmarks.measure import Pairs, side_by_side
from benchmarks.setting import ANSWER, Setting
from cacheback import SemanticCache

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
        texts = setting.asked(0, setting.size(300, 10))
        warm = len(texts) // 10
        misses = side_by_side(_asking(cached), _asking(bare), texts, warm=warm)
        hits = side_by_side(_asking(cached), _asking(bare), texts * 3, warm=len(texts))
        if not _asking(cached)(texts[0]).cacheback_hit:
            raise AssertionError("the second time was not a hit")
    yield _figure("exact hit through the OpenAI SDK", hits)
    yield _figure("miss through the OpenAI SDK, recorded", misses)


def _answering() -> Any:
    """The SDK's own kind of HTTP client, with a network that answers at once."""
    from openai import DefaultHttpxClient  # noqa: PLC0415 - an extra

    library = next(
        sys.modules[name]
        for name in (kind.__module__.partition(".")[0] for kind in DefaultHttpxClient.__mro__)
        if name in ("httpx", "httpx2")
    )
    headers = {"content-type": "application/json"}

    def answer(_: Any) -> Any:
        return library.Response(200, headers=headers, content=_COMPLETION)

    return DefaultHttpxClient(transport=library.MockTransport(answer))


def _asking(client: Any) -> Callable[[str], Any]:
    def ask(text: str) -> Any:
        messages = [{"role": "user", "content": text}]
        return client.chat.completions.create(model="gpt-4o-mini", messages=messages)

    return ask


def _figure(name: str, pairs: Pairs) -> Figure:
    return Figure(
        name,
        pairs.subject.percentile(50) / 1e6,
        "ms",
        floor=pairs.floor.percentile(50) / 1e6,
        floor_is="the same SDK with a network in memory that answers at once",
        ratio=pairs.ratio,
        note=f"p99 {pairs.subject.percentile(99) / 1e6:.2f} ms",
    )
