"""What the server counts, for Prometheus."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deploy.server.served import Served

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The counters of one application.

    Args:
        served: whose model and its changes are told.
        queue_length: gives how many pictures wait.
    """

    def __init__(self, served: Served, queue_length: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "server_requests", "Requests by route and status.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "server_request_seconds",
            "From the request to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._dropped = Counter(
            "server_dropped_requests",
            "Requests that ended without their answer: the client went (cancelled), the deadline passed (expired), or "
            "too many were under way (refused).",
            ["reason"],
            registry=self.registry,
        )
        for reason in ("cancelled", "expired", "refused"):
            self._dropped.labels(reason)
        Gauge("server_queue_length", "Pictures that wait.", registry=self.registry).set_function(queue_length)
        self._batches = Histogram(
            "server_batch_pictures", "Pictures that were made at once.", buckets=_SIZES, registry=self.registry
        )
        self._batch_seconds = Histogram(
            "server_batch_seconds", "Seconds that a batch took.", buckets=_SECONDS, registry=self.registry
        )
        self.registry.register(_ModelCollector(served))
        ProcessCollector(registry=self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def dropped(self, reason: str) -> None:
        """Count a request that was `cancelled`, `expired` or `refused`."""
        self._dropped.labels(reason).inc()

    def made(self, pictures: int, seconds: float) -> None:
        """Count a batch."""
        self._batches.observe(pictures)
        self._batch_seconds.observe(seconds)

    def text(self) -> bytes:
        """Give all in Prometheus' text format."""
        return generate_latest(self.registry)


class _ModelCollector(Collector):
    """Tells of the model at the time of asking."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def collect(self) -> Iterable[Metric]:
        model = self._served.current
        labels = {"name": model.name, "version": model.version or "", "model": model.digest} if model else {}
        yield GaugeMetricFamily("server_ready", "Whether a model serves.", value=float(model is not None))
        yield InfoMetricFamily("server_model", "The model in use.", value=labels)
        yield CounterMetricFamily("server_model_switches", "Models that took another's place.", self._served.switches)
        yield CounterMetricFamily("server_model_refusals", "Models that were refused.", self._served.refusals)
