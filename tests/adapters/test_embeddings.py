"""Embeddings: each input by itself, exactly, and upstream only for what is missing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cacheback import CachedOpenAI, Reason, SemanticCache, info
from cacheback.testing import Reply, ScriptedUpstream

openai = pytest.importorskip("openai")


def embed(client: CachedOpenAI, given: Any, **options: Any) -> Any:
    return client.embeddings.create(model="text-embedding-3-small", input=given, **options)


def vectors(response: Any) -> list[list[float]]:
    return [one.embedding for one in response.data]


def test_the_same_input_is_asked_for_once(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    miss, hit = embed(client, "hello"), embed(client, "hello")
    assert upstream.calls == 1
    assert (miss.cacheback_hit, hit.cacheback_hit) == (False, True)
    assert vectors(hit) == vectors(miss)
    assert hit.usage == miss.usage


def test_a_batch_asks_only_for_what_is_missing(
    client: CachedOpenAI, upstream: ScriptedUpstream
) -> None:
    first = embed(client, ["a", "b"])
    second = embed(client, ["b", "c", "a"])
    assert upstream.requests[1].json["input"] == ["c"]
    a, b = vectors(first)
    assert vectors(second)[0] == b
    assert vectors(second)[2] == a
    assert [one.index for one in second.data] == [0, 1, 2]
    assert vectors(second) == vectors(embed(client, ["b", "c", "a"]))
    assert upstream.calls == 2


def test_by_meaning_nothing_is_served(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    embed(client, "What is the capital of France?")
    told = info(embed(client, "capital of France?"))
    assert upstream.calls == 2
    assert told is not None
    assert told.reason is Reason.EMBEDDING_EXACT_ONLY


def test_floats_and_base64_answer_each_other(
    client: CachedOpenAI, upstream: ScriptedUpstream
) -> None:
    by_default = vectors(embed(client, "hello"))
    as_floats = vectors(embed(client, "hello", encoding_format="float"))
    assert upstream.calls == 1
    assert as_floats[0] == pytest.approx(by_default[0], rel=1e-6)


@pytest.mark.parametrize("other", [{"model": "m"}, {"dimensions": 8}])
def test_what_can_change_a_vector_is_in_its_scope(
    client: CachedOpenAI, upstream: ScriptedUpstream, other: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"model": "text-embedding-3-small", "input": "hello"}
    client.embeddings.create(**asked)
    client.embeddings.create(**{**asked, **other})
    assert upstream.calls == 2


def test_tokens_are_no_text(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    embed(client, [[1, 2], [3]])
    embed(client, [[1, 2]])
    embed(client, "[1,2]")
    assert upstream.calls == 2


def test_errors_pass_and_nothing_is_stored(
    client: CachedOpenAI, upstream: ScriptedUpstream
) -> None:
    embed(client, "a")
    upstream.script(Reply("no", status=400))
    with pytest.raises(openai.BadRequestError):
        embed(client, ["a", "b"])
    assert len(client.cache.entries()) == 1


def test_memory_only(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    only = {"X-Cacheback-Mode": "only-if-cached"}
    embed(client, "a")
    assert embed(client, "a", extra_headers=only).cacheback_hit
    with pytest.raises(openai.APIStatusError, match="1 of 2"):
        embed(client, ["a", "b"], extra_headers=only)
    assert upstream.calls == 1


def test_refreshing_asks_again(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    embed(client, "a")
    assert not embed(client, "a", extra_headers={"X-Cacheback-Mode": "refresh"}).cacheback_hit
    assert upstream.calls == 2


def test_many_threads_make_one_call(client: CachedOpenAI, upstream: ScriptedUpstream) -> None:
    upstream.hold()
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(embed, client, ["a", "b"]) for _ in range(20)]
        upstream.wait_for(1)
        upstream.release()
        found = [vectors(one.result()) for one in asked]
    assert upstream.calls == 1
    assert all(one == found[0] for one in found)


async def test_async(upstream: ScriptedUpstream, cache: SemanticCache) -> None:
    from cacheback import AsyncCachedOpenAI

    async with AsyncCachedOpenAI(cache=cache, base_url=upstream.openai_url, api_key="x") as client:
        for expected in (False, True):
            found = await client.embeddings.create(model="m", input=["a", "b"])
            assert found.cacheback_hit is expected  # type: ignore[attr-defined]
    assert upstream.calls == 1
