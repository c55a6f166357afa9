"""Whose a request is and where it goes: what separates callers, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cacheback import CachedOpenAI, InputError, SemanticCache, options
from cacheback.adapters.origin import endpoint, parameters, tenant
from cacheback.testing import Reply, ScriptedUpstream

ASKED: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
MakeClient = Callable[..., CachedOpenAI]
MakeCache = Callable[..., SemanticCache]


def hit(client: CachedOpenAI, **headers: str) -> bool:
    return client.chat.completions.create(**ASKED, extra_headers=headers).cacheback_hit  # type: ignore[no-any-return]


SEPARATING = [
    "Authorization",
    "X-Portkey-Api-Key",
    "X-Portkey-Config",
    "Helicone-Auth",
    "cf-aig-authorization",
    "x-goog-api-key",
    "OpenAI-Organization",
    "OpenAI-Project",
    "X-Nobody-Has-Heard-Of",
    "Cookie",
]
WHO_ASKS = SEPARATING[:1] + SEPARATING[3:8]


@pytest.mark.parametrize("header", SEPARATING)
def test_another_value_is_another_caller(client: CachedOpenAI, header: str) -> None:
    assert not hit(client, **{header: "alice"})
    assert not hit(client, **{header: "bob"})
    assert hit(client, **{header: "alice"})
    assert not hit(client)


@pytest.mark.parametrize("header", ["X-Portkey-Config", "X-Nobody-Has-Heard-Of"])
def test_a_named_tenant_does_not_make_routes_equal(
    make_client: MakeClient, make_cache: MakeCache, header: str
) -> None:
    client = make_client(cache=make_cache(tenant="everyone"))
    assert not hit(client, **{header: "one"})
    assert not hit(client, **{header: "other"})
    assert hit(client, **{header: "one"})


@pytest.mark.parametrize("header", WHO_ASKS)
def test_a_named_tenant_stands_for_whoever_asks(
    make_client: MakeClient, make_cache: MakeCache, header: str
) -> None:
    client = make_client(cache=make_cache(tenant="everyone"))
    assert not hit(client, **{header: "alice"})
    assert hit(client, **{header: "bob"})


def test_ignored_parameters_do_not_join_callers(
    make_client: MakeClient, make_cache: MakeCache
) -> None:
    client = make_client(cache=make_cache(scope={"parameters": "ignore", "endpoint": "ignore"}))
    assert not hit(client, **{"X-Portkey-Config": "alice"})
    assert not hit(client, **{"X-Portkey-Config": "bob"})


@pytest.mark.parametrize(
    "header",
    [
        "traceparent",
        "tracestate",
        "baggage",
        "b3",
        "X-B3-TraceId",
        "sentry-trace",
        "X-Amzn-Trace-Id",
        "x-datadog-trace-id",
        "X-Request-ID",
        "Idempotency-Key",
        "User-Agent",
        "X-Stainless-Retry-Count",
        "X-Stainless-Timeout",
        "Accept-Encoding",
    ],
)
def test_what_changes_with_every_call_separates_nobody(client: CachedOpenAI, header: str) -> None:
    assert not hit(client, **{header: "1"})
    assert hit(client, **{header: "2"})


def test_a_retry_is_the_same_call(make_client: MakeClient, upstream: ScriptedUpstream) -> None:
    client = make_client(max_retries=1)
    upstream.script(Reply("later", status=500, headers={"retry-after-ms": "1"}), "Paris.")
    assert not hit(client)
    assert hit(client)


def test_a_balancer_s_cookie_separates_nobody(
    client: CachedOpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.script(Reply("Paris.", headers={"set-cookie": "__cf_bm=abc; path=/"}))
    assert not hit(client)
    assert hit(client)
    assert len(client._client.cookies) == 1


def test_two_gateway_s_users_with_one_key(make_client: MakeClient, cache: SemanticCache) -> None:
    for who in ("alice", "bob"):
        one = make_client(cache=cache, default_headers={"x-portkey-api-key": who})
        assert not hit(one)
    for who in ("org-a", "org-b"):
        assert not hit(make_client(cache=cache, organization=who))


def test_no_secret_lies_on_disk(
    make_client: MakeClient, cache: SemanticCache, tmp_path: Path
) -> None:
    client = make_client(
        cache=cache,
        default_query={"key": "AIzaSECRET", "api-version": "2024-10-21"},
        default_headers={"X-Portkey-Api-Key": "pk-SECRET", "Cookie": "session=SECRET"},
    )
    assert not hit(client)
    assert hit(client)
    (entry,) = cache.entries()
    parts = cache.store.scope_parts(entry.scope)
    assert parts is not None
    assert "api-version=2024-10-21&sha256:" in parts["endpoint"]
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"capital of France" in stored
    assert b"SECRET" not in stored


SIGNATURE = "AWS4-HMAC-SHA256 Credential=AKIA/1, SignedHeaders=host;x-amz-date%s, Signature=1"


def test_a_signed_request_passes_untouched(client: CachedOpenAI, cache: SemanticCache) -> None:
    signed = client.copy(default_headers={"Authorization": SIGNATURE % "", "X-Amz-Date": "today"})
    for one in (signed, options(signed, mode="refresh")):
        assert not hasattr(one.chat.completions.create(**ASKED), "cacheback_hit")
        assert not hasattr(one.embeddings.create(model="m", input=["a"]), "cacheback_hit")
    assert not cache.entries()


def test_what_a_signature_covers_cannot_be_taken_away(
    client: CachedOpenAI, upstream: ScriptedUpstream
) -> None:
    covering = {"Authorization": SIGNATURE % ";x-cacheback-mode"}
    asking = options(client.copy(default_headers=covering), mode="refresh")
    with pytest.raises(InputError, match="signature"):
        asking.chat.completions.create(**ASKED)
    assert not upstream.calls


def test_another_query_is_another_endpoint() -> None:
    assert endpoint("/v1/x") == "/v1/x"
    assert endpoint("/v1/x?beta=true") == "/v1/x?beta=true"
    assert endpoint("/v1/x?a=1&b=2") == endpoint("/v1/x?b=2&a=1")
    told = {endpoint(f"/v1/x{query}") for query in ("", "?a=1", "?a=2", "?a", "?a=1&a=2", "?b=1")}
    assert len(told) == 6


def test_what_is_a_parameter_is_told_in_plain() -> None:
    headers = [("OpenAI-Beta", "x=1"), ("accept", "*/*"), ("X-Cacheback-TTL", "60")]
    assert tenant(headers) is None
    for named in (False, True):
        assert parameters(headers, tenant_named=named) == {"openai-beta": "x=1"}
