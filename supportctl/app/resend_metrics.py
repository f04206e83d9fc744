"""What Prometheus is told of resend: the ledger's counts at each scrape, and the requests of this process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from resend.ledger.errors import LedgerError
from resend.ledger.views import lane_views
from resend.model import Breaker
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import CollectorRegistry, Metric

    from resend.ledger.store import Store
    from supportctl.app.resend_desk import Desk

LOOPBACK = "127.0.0.1"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 90.0)


class LedgerCollector:
    """Reads the ledger when it is asked, and nothing in between."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the ledger is not read before the first scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return the lanes as gauges; only that it fails if the ledger cannot be read."""
        from prometheus_client.core import GaugeMetricFamily as Gauge

        up = Gauge("supportctl_resend_ledger_up", "Whether the ledger can be read.")
        try:
            views = lane_views(self._store)
        except LedgerError:
            up.add_metric([], 0.0)
            yield up
            return
        up.add_metric([], 1.0)
        names = ["destination"]
        calls = Gauge(
            "supportctl_resend_deliveries", "Deliveries by lane and state.", labels=[*names, "state"]
        )
        oldest = Gauge("supportctl_resend_oldest_age_seconds", "Age of the oldest that waits.", labels=names)
        left = Gauge("supportctl_resend_deadline_seconds", "Time to the nearest deadline.", labels=names)
        broken = Gauge("supportctl_resend_breaker_open", "1 while the breaker is not closed.", labels=names)
        paused = Gauge("supportctl_resend_paused", "1 while a person has paused the lane.", labels=names)
        now = self._store.clock.now().timestamp()
        for view in views:
            name = view.destination
            for state, number in sorted(view.counts.items()):
                calls.add_metric([name, state.value], number)
            if view.oldest_at is not None:
                oldest.add_metric([name], max(0.0, now - view.oldest_at))
            if view.nearest_deadline_at is not None:
                left.add_metric([name], view.nearest_deadline_at - now)
            broken.add_metric([name], float(view.breaker is not Breaker.CLOSED))
            paused.add_metric([name], float(bool(view.paused_by)))
        yield from (up, calls, oldest, left, broken, paused)


class Requests:
    """Counts the requests of this process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        from prometheus_client import Counter, Histogram

        self._seconds = Histogram(
            "supportctl_resend_request_seconds",
            "Requests of this process, and how long they took.",
            ["destination", "kind"],
            registry=registry,
            buckets=_SECONDS,
        )
        self._outcomes = Counter(
            "supportctl_resend_outcomes",
            "What came of the calls of those requests.",
            ["destination", "kind", "outcome"],
            registry=registry,
        )

    def seen(self, destination: str, kind: str, seconds: float, outcomes: Mapping[str, int]) -> None:
        """Count one request."""
        self._seconds.labels(destination, kind).observe(seconds)
        for outcome, number in outcomes.items():
            self._outcomes.labels(destination, kind, outcome).inc(number)


def watch(desk: Desk) -> CollectorRegistry:
    """Let a desk count its requests from now on; return what is to be scraped.

    Raises:
        UsageError: `resend.metrics-need-extra`.
    """
    try:
        from prometheus_client import CollectorRegistry
    except ModuleNotFoundError:
        raise UsageError("resend.metrics-need-extra") from None
    registry = CollectorRegistry()
    registry.register(LedgerCollector(desk.store))
    desk.observer = Requests(registry).seen
    return registry


@contextmanager
def metrics_served(desk: Desk, port: int | None, address: str = LOOPBACK) -> Iterator[int | None]:
    """Answer Prometheus inside the block, on loopback; nothing without a port. 0 is any that is free.

    Raises:
        UsageError: `resend.metrics-need-extra`, `resend.metrics-port`.
    """
    if port is None:
        yield None
        return
    registry = watch(desk)
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, address, registry)
    except OSError as error:
        raise UsageError("resend.metrics-port", found=port, reason=error.strerror or str(error)) from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
