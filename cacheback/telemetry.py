"""OpenTelemetry: a span for each request, by the GenAI conventions, for clients and the proxy.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cacheback._version import __version__
from cacheback.core.flight import Landing
from cacheback.core.observing import Event
from cacheback.errors import MissingExtraError
from cacheback.models import Answer, Entry, Outcome, Request, Tier

try:
    from opentelemetry import trace as api
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider
except ImportError as error:
    raise MissingExtraError("opentelemetry-api", "otel") from error

if TYPE_CHECKING:
    from cacheback.cache import SemanticCache

_SECOND = 1_000_000_000  # OpenTelemetry counts nanoseconds
_OPERATIONS = {"/embeddings": "embeddings", "/chat/completions": "chat"}


def trace(cache: SemanticCache, provider: TracerProvider | None = None) -> None:
    """Make a span of every request that clients and adapters of this cache answer from now on.

    A span carries what the conventions name (`gen_ai.request.model`, `gen_ai.usage.input_tokens`,
    …) and who answered and why (`cacheback.tier`, `cacheback.reason`, …); neither questions nor
    answers. Tokens are told of calls of upstream only, as those alone are billed. The span of a
    stream ends when the stream does.

    Args:
        cache: whose requests, such as `client.cache` of a cached client.
        provider: where spans go; None takes OpenTelemetry's global one.

    Raises:
        MissingExtraError: OpenTelemetry is not installed.
    """
    tracer = api.get_tracer("cacheback", __version__, provider)

    def observe(event: Event) -> None:
        operation, model = _operation(event.request), str(event.request.parts.get("model", ""))
        span = tracer.start_span(
            f"{operation} {model}".strip(),
            kind=SpanKind.CLIENT,
            start_time=int(event.at * _SECOND),
        )
        _describe(span, event.request, operation, model)
        ended = int((event.at + event.seconds) * _SECOND)
        if event.error is not None:
            span.set_attribute("error.type", type(event.error).__qualname__)
            span.set_status(Status(StatusCode.ERROR))
        if event.outcome is None:
            span.end(ended)
            return
        _decide(span, event.outcome)
        recording = event.outcome.reply.recording if event.outcome.reply else None
        if recording is None:
            _use(span, event.outcome.tier, event.outcome.answer)
            span.end(ended)
        else:
            recording.end.add_done_callback(partial(_end, span, event.outcome.tier))

    cache.observe(observe)


def _operation(request: Request) -> str:
    endpoint = str(request.parts.get("endpoint", "")).partition("?")[0]
    if endpoint.endswith("/completions") and not endpoint.endswith("/chat/completions"):
        return "text_completion"
    return next((name for end, name in _OPERATIONS.items() if endpoint.endswith(end)), "chat")


def _describe(span: Span, request: Request, operation: str, model: str) -> None:
    parts = request.parts
    endpoint = str(parts.get("endpoint", "")).partition("?")[0]
    host, _, port = str(parts.get("provider", "")).partition(":")
    # By dialect: whoever is compatible with OpenAI's API is told as the conventions say.
    span.set_attribute(
        "gen_ai.provider.name", "anthropic" if endpoint.endswith("/messages") else "openai"
    )
    span.set_attribute("gen_ai.operation.name", operation)
    if model:
        span.set_attribute("gen_ai.request.model", model)
    if request.temperature is not None:
        span.set_attribute("gen_ai.request.temperature", request.temperature)
    if host:
        span.set_attribute("server.address", host)
    if port.isdigit():
        span.set_attribute("server.port", int(port))


def _decide(span: Span, outcome: Outcome) -> None:
    span.set_attribute("cacheback.tier", outcome.tier.value)
    span.set_attribute("cacheback.reason", outcome.verdict.reason.value)
    if outcome.similarity is not None:
        span.set_attribute("cacheback.similarity", outcome.similarity)
    if outcome.age is not None:
        span.set_attribute("cacheback.age", outcome.age)
    if outcome.saved.tokens:
        span.set_attribute("cacheback.saved.tokens", outcome.saved.tokens)


def _use(span: Span, tier: Tier, answer: Answer | None) -> None:
    """What the answer cost, and how it ended."""
    if answer is None:
        return
    if answer.model:
        span.set_attribute("gen_ai.response.model", answer.model)
    if answer.finish_reason:
        span.set_attribute("gen_ai.response.finish_reasons", [answer.finish_reason])
    if answer.usage is not None and tier is Tier.UPSTREAM:
        span.set_attribute("gen_ai.usage.input_tokens", answer.usage.input_tokens)
        span.set_attribute("gen_ai.usage.output_tokens", answer.usage.output_tokens)


def _end(span: Span, tier: Tier, landing: Landing) -> None:
    """A stream is over; it is known what it said if it was stored."""
    landed = landing.result()
    _use(span, tier, landed.answer if isinstance(landed, Entry) else None)
    span.end()
