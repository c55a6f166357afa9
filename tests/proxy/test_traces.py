"""The proxy sends its spans where OpenTelemetry's own variables say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from cacheback.testing import ScriptedUpstream

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs the extra otel")

QUESTION = "How do I reset my password?"


def test_spans_arrive_without_what_was_asked(
    make_proxy: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedUpstream(echo=True) as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
        proxy = make_proxy(traces=True)
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": QUESTION}]}
        headers = {"authorization": "Bearer sk-secret"}
        httpx2.post(f"{proxy.openai_url}/chat/completions", json=body, headers=headers)
        collector.wait_for(1)
        sent = collector.requests[0]
    assert sent.path == "/v1/traces"
    assert b"chat gpt-4o" in sent.body
    assert b"cacheback.tier" in sent.body
    assert b"sk-secret" not in sent.body
    assert b"password" not in sent.body
