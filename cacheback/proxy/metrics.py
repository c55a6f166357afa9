"""Metrics for Prometheus: times from this process, totals from the directory that all share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cacheback.embedders.base import BaseEmbedder
from cacheback.errors import MissingExtraError, StoreError
from cacheback.proxy.recent import Decision

try:
    from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.multiprocess import MultiProcessCollector
except ImportError as error:
    raise MissingExtraError("prometheus-client", "proxy") from error

if TYPE_CHECKING:
    from cacheback.cache import SemanticCache
    from cacheback.models import Reason, Stats

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""Where several workers put their numbers together; prometheus_client reads it when imported."""

# Seconds: from an exact hit to a long answer of a large model.
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ENCODING = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)


class Metrics:
    """The metrics of one worker.

    Args:
        shared: the workers are several, and each tells the sums of all.
    """

    def __init__(self, *, shared: bool) -> None:
        self._registry = CollectorRegistry()
        self._shown = self._registry
        if shared:
            self._shown = CollectorRegistry()
            MultiProcessCollector(self._shown)  # type: ignore[no-untyped-call]  # the library's
        self._requests = Counter(
            "cacheback_requests",
            "Requests by who answered and why.",
            ("tier", "reason"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "cacheback_request_seconds",
            "Seconds until the answer began, by who answered.",
            ("tier",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.encoding = Histogram(
            "cacheback_encode_seconds",
            "Seconds to encode a text.",
            buckets=_ENCODING,
            registry=self._registry,
        )

        # By label, as finding a child of a metric takes several times as long as counting.
        self._counter = lru_cache(256)(self._requests.labels)
        self._timer = lru_cache(16)(self._seconds.labels)

    def count(self, decision: Decision) -> None:
        """Count and time a request."""
        self._counter(decision.tier, decision.reason).inc()
        self._timer(decision.tier).observe(decision.seconds)

    def show(self, cache: SemanticCache) -> bytes:
        """All metrics in Prometheus' text format."""
        totals = CollectorRegistry()
        totals.register(_Totals(cache))
        return generate_latest(self._shown) + generate_latest(totals)


class _Totals:
    """What the directory knows; it counts for all processes that share it."""

    def __init__(self, cache: SemanticCache) -> None:
        self._cache = cache

    def collect(self) -> Iterator[Metric]:
        flights = len(self._cache.engine.flights)
        yield GaugeMetricFamily(
            "cacheback_flights", "Calls upstream that others may join.", flights
        )
        try:
            stats = self._cache.stats()
        except StoreError:
            yield GaugeMetricFamily("cacheback_store_up", "Whether the store can be read.", 0)
            return
        yield GaugeMetricFamily("cacheback_store_up", "Whether the store can be read.", 1)
        for name, told, value in (
            ("entries", "Entries that are stored.", stats.entries),
            ("scopes", "Scopes that have entries.", stats.scopes),
            ("store_bytes", "Bytes of the store on disk.", stats.bytes),
            ("negatives", "Blocked patterns.", stats.negatives),
        ):
            yield GaugeMetricFamily(f"cacheback_{name}", told, value)
        less = "less what was spent on them and on checking them"
        for name, told, amount in (
            ("saved_tokens", f"Tokens that answers from memory saved, {less}.", stats.saved.tokens),
            ("saved_dollars", f"US dollars that they saved, {less}.", stats.saved.money or 0),
            ("saved_seconds", "Seconds of waiting that they saved.", stats.saved.seconds),
        ):
            # No counters: whoever takes the rate of one that goes down is told of a restart.
            yield GaugeMetricFamily(f"cacheback_{name}", told, amount)
        yield from _spent(stats)
        errors = CounterMetricFamily("cacheback_errors", "Failures by part.", labels=["part"])
        for part, failed in stats.faults.items():
            errors.add_metric([part], failed)
        yield errors


def _spent(stats: Stats) -> Iterator[Metric]:
    """What models were paid, by what for: as `Stats.spent`."""
    calls = CounterMetricFamily("cacheback_spent_calls", "Calls of models.", labels=["tier"])
    tokens = CounterMetricFamily("cacheback_spent_tokens", "Tokens of calls.", labels=["tier"])
    money = CounterMetricFamily("cacheback_spent_dollars", "US dollars of calls.", labels=["tier"])
    for tier, spent in stats.spent.items():
        calls.add_metric([tier], spent.calls)
        tokens.add_metric([tier], spent.tokens)
        money.add_metric([tier], spent.money)
    yield from (calls, tokens, money)


class Timed(BaseEmbedder):
    """An embedder whose encoding is timed."""

    def __init__(self, inner: BaseEmbedder, metrics: Metrics) -> None:
        self.name = inner.name
        self.dim = inner.dim
        self.modality = inner.modality
        self.fingerprint = inner.fingerprint
        self._inner = inner
        self._observe = metrics.encoding.observe

    def encode(self, text: str) -> Any:
        begun = time.perf_counter()
        try:
            return self._inner.encode(text)
        finally:
            self._observe(time.perf_counter() - begun)

    def encode_batch(self, texts: Sequence[str]) -> Any:
        return self._inner.encode_batch(texts)

    def blind_to(self, text: str) -> Reason | None:
        return self._inner.blind_to(text)
