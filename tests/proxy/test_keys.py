"""Whose key is whose, and whose entries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from cacheback.proxy.keys import Keys, digest
from cacheback.testing import ScriptedUpstream

BODY = {"model": "m", "messages": [{"role": "user", "content": "How do I reset my password?"}]}
CLAUDE = {"max_tokens": 9, **BODY}


def ask(proxy: Any, path: str = "/v1/chat/completions", **headers: str) -> httpx2.Response:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    body = CLAUDE if path == "/v1/messages" else BODY
    return httpx2.post(f"{proxy.url}{path}", json=body, headers=told)


class TestKeys:
    def test_digests_are_kept_and_compared(self) -> None:
        keys = Keys([digest("client-key-1"), digest("client-key-2")])
        assert keys.open_to(b"client-key-2")
        assert not keys.open_to(b"client-key-3")
        assert not keys.open_to(b"")

    def test_a_digest_can_be_configured(self) -> None:
        told = "sha256:" + hashlib.sha256(b"client-key-1").hexdigest()
        assert digest(told) == digest("client-key-1")

    @pytest.mark.parametrize("wrong", ["short", "sha256:abc", "sha256:" + "g" * 64])
    def test_what_is_no_key_is_refused(self, wrong: str) -> None:
        with pytest.raises(ValueError, match=r"8 characters|64 hexadecimal"):
            digest(wrong)


class TestClientsOwnKeys:
    def test_they_are_passed_on_and_keep_entries_apart(
        self, proxy: Any, upstream: ScriptedUpstream
    ) -> None:
        for key in ("Bearer a", "Bearer b", "Bearer a"):
            ask(proxy, authorization=key)
        assert [one.headers["authorization"] for one in upstream.requests] == [
            "Bearer a",
            "Bearer b",
        ]

    def test_the_servers_key_is_for_nobody_without_client_keys(
        self, make_proxy: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        proxy = make_proxy(openai_api_key="sk-server")
        assert ask(proxy).status_code == 200
        assert "authorization" not in upstream.requests[0].headers

    def test_shared_entries_are_everybodys(
        self, make_proxy: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        proxy = make_proxy(shared=True, cache={"tenant": "shared"})
        cold = ask(proxy, authorization="Bearer a")
        warm = ask(proxy, authorization="Bearer b")
        assert upstream.calls == 1
        assert (cold.headers["x-cacheback-hit"], warm.headers["x-cacheback-hit"]) == (
            "false",
            "true",
        )

    @pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
    def test_what_others_asked_is_not_told_where_entries_are_shared(
        self, make_proxy: Callable[..., Any], path: str
    ) -> None:
        proxy = make_proxy(shared=True, cache={"tenant": "shared"})
        body = {**BODY, "input": ["a"]}
        for _ in range(2):
            told = httpx2.post(f"{proxy.url}{path}", json=body)
            assert "cacheback_hit" in told.json()
            assert "cacheback" not in told.json()
            assert not {"x-cacheback-reason", "x-cacheback-similarity"} & told.headers.keys()
            assert "x-cacheback-tier" in told.headers

    def test_details_can_be_switched_off(self, make_proxy: Callable[..., Any]) -> None:
        assert "x-cacheback-reason" not in ask(make_proxy(details=False)).headers


class TestClientKeys:
    @pytest.fixture
    def guarded(self, make_proxy: Callable[..., Any]) -> Any:
        return make_proxy(
            client_keys=(digest("client-key-1"), digest("client-key-2")),
            openai_api_key="sk-server",
            anthropic_api_key="sk-ant-server",
        )

    @pytest.mark.parametrize(
        "headers", [{}, {"authorization": "Bearer wrong-key"}, {"authorization": "client-key-1"}]
    )
    def test_nobody_else_gets_in(
        self, guarded: Any, upstream: ScriptedUpstream, headers: dict[str, str]
    ) -> None:
        answer = ask(guarded, **headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_client_key"
        assert "client-key" not in answer.text
        assert httpx2.get(f"{guarded.openai_url}/models").status_code == 401
        assert upstream.calls == 0

    @pytest.mark.parametrize("name", ["authorization", "x_api_key", "api_key", "x_cacheback_key"])
    def test_the_servers_key_goes_on_in_its_stead(
        self, guarded: Any, upstream: ScriptedUpstream, name: str
    ) -> None:
        key = "Bearer client-key-1" if name == "authorization" else "client-key-1"
        assert ask(guarded, **{name: key}).status_code == 200
        sent = upstream.requests[0].headers
        assert sent["authorization"] == "Bearer sk-server"
        assert "client-key-1" not in str(sent)

    def test_anthropics_key_goes_as_the_client_sent_its_own(
        self, guarded: Any, upstream: ScriptedUpstream
    ) -> None:
        ask(guarded, "/v1/messages", x_api_key="client-key-1")
        ask(guarded, "/v1/messages", authorization="Bearer client-key-1")
        first, second = (one.headers for one in upstream.requests)
        assert first["x-api-key"] == "sk-ant-server"
        assert second["authorization"] == "Bearer sk-ant-server"
        assert "client-key-1" not in f"{first}{second}"

    @pytest.mark.parametrize("name", ["authorization", "x_cacheback_key"])
    def test_entries_are_the_client_keys(
        self, guarded: Any, upstream: ScriptedUpstream, name: str
    ) -> None:
        bearer = "Bearer " if name == "authorization" else ""
        for key in ("client-key-1", "client-key-2", "client-key-1"):
            ask(guarded, **{name: bearer + key})
        assert upstream.calls == 2

    def test_who_brings_a_providers_key_beside_it_uses_that(
        self, guarded: Any, upstream: ScriptedUpstream
    ) -> None:
        ask(guarded, x_cacheback_key="client-key-1", authorization="Bearer sk-own")
        assert upstream.requests[0].headers["authorization"] == "Bearer sk-own"
        assert "x-cacheback-key" not in upstream.requests[0].headers

    def test_where_the_server_has_no_key_the_clients_just_goes(
        self, make_proxy: Callable[..., Any], upstream: ScriptedUpstream
    ) -> None:
        proxy = make_proxy(client_keys=(digest("client-key-1"),))
        ask(proxy, authorization="Bearer client-key-1")
        assert "authorization" not in upstream.requests[0].headers

    def test_nothing_secret_is_stored(self, guarded: Any) -> None:
        ask(guarded, authorization="Bearer client-key-1")
        (entry,) = guarded.cache.entries()
        told = f"{entry}{guarded.cache.store.scope_parts(entry.scope)}"
        assert "client-key-1" not in told
        assert "sk-server" not in told
