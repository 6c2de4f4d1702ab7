"""What an operator may watch: counts, bytes and seconds; never a value of a share or a release."""

from typing import Final, final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

LOOPBACK: Final = "127.0.0.1"


@final
class Metrics:
    """Counters of one aggregator."""

    def __init__(self) -> None:
        """Start from zero."""
        self.registry = CollectorRegistry()
        names = ["method"]
        self.calls = Counter("lpm_calls_total", "Calls answered.", names, registry=self.registry)
        self.refused = Counter("lpm_refused_total", "Calls refused.", ["method", "code"], registry=self.registry)
        self.received = Counter("lpm_received_bytes_total", "Bytes of requests.", names, registry=self.registry)
        self.sent = Counter("lpm_sent_bytes_total", "Bytes of replies.", names, registry=self.registry)
        self.seconds = Histogram("lpm_call_seconds", "Seconds until the answer.", names, registry=self.registry)
        self.computation = Histogram(
            "lpm_computation_seconds", "Seconds on shares, with the other aggregators.", names, registry=self.registry
        )
        self.waiting = Gauge("lpm_calls_waiting", "Calls that wait for their round.", registry=self.registry)

    def note_computation(self, name: str, seconds: float) -> None:
        """Note how long a computation on shares took."""
        self.computation.labels(name).observe(seconds)

    def traffic(self) -> dict[str, int]:
        """Return the bytes of requests and replies, by method."""
        return {
            f"{sample.labels['method']} {direction}": int(sample.value)
            for direction, counter in (("received", self.received), ("sent", self.sent))
            for metric in counter.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        }

    def serve(self, port: int) -> None:
        """Serve them on the loopback interface."""
        start_http_server(port, addr=LOOPBACK, registry=self.registry)
