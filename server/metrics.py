"""what a server counts, for Prometheus

Nothing is counted here: everything is read when somebody asks, from numbers that are there anyway.
No figure has the name of a pad, which is the key of a link. Off by default (`--metrics`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from server.counters import COMMIT_SECONDS
from server.hub import Hub
from server.websocket import Sockets

__all__ = ["Metrics"]


class Metrics(Collector):
    """The figures of one server, in a registry of its own."""

    def __init__(self, hub: Hub, sockets: Sockets) -> None:
        self._hub = hub
        self._sockets = sockets
        self._registry = CollectorRegistry()
        self._registry.register(self)
        # Processor time, memory, open files.
        ProcessCollector(registry=self._registry)

    def add_routes(self, app: web.Application) -> None:
        """Put the page into an application."""
        app.router.add_get("/metrics", self.show)

    async def show(self, request: web.Request) -> web.Response:
        """`GET /metrics`"""
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    def collect(self) -> Iterator[Metric]:
        """What the registry asks for."""
        counters = self._hub.counters
        yield CounterMetricFamily(
            "deltapad_divergence",
            "How often a client had another text than the log.",
            value=counters.divergences,
        )
        yield GaugeMetricFamily(
            "deltapad_connections", "Open WebSocket connections.", value=self._sockets.count
        )
        yield GaugeMetricFamily(
            "deltapad_pads_in_memory", "Pads in memory.", value=len(self._hub.loaded_pads())
        )
        yield CounterMetricFamily(
            "deltapad_operations_committed",
            "Operations made durable.",
            value=counters.operations,
        )
        bounds = [*(f"{bound:g}" for bound in COMMIT_SECONDS), "+Inf"]
        yield HistogramMetricFamily(
            "deltapad_commit_seconds",
            "Time that the store took for a batch of operations; its count is that of commits.",
            buckets=list(zip(bounds, accumulate(counters.commit_classes), strict=True)),
            sum_value=counters.commit_seconds,
        )
