"""The aggregators' comparison against CrypTen's own, and what round trips cost."""

import json
import os
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from aggregator.mpc import Endpoint
from aggregator.mpc.randomness.correlations import Comparison
from tests.integration.mpc_parties import Parties, parties

Row = dict[str, Any]
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def compare_vs_crypten(sizes: tuple[int, ...] = (100_000, 1_000_000), repeats: int = 5) -> list[Row]:
    """Compare ours (AES-CTR, mutual TLS, third-party dealer) with CrypTen's (gloo in the clear), 2 parties each."""
    rows = []
    for n in sizes:
        theirs, their_peak = plain_crypten(n, repeats)
        with tempfile.TemporaryDirectory() as folder, parties(Path(folder), 2) as running:
            for name in ("compare", "crypten_compare"):
                ours = timed(running, name, n, repeats)
                peak = sum(process.peak_mib for process in (*running.workers, running.dealer))
                rows.append(
                    {
                        "name": f"compare_vs_crypten_{name}_{n}",
                        "value": ours,
                        "unit": "s",
                        "against": f"CrypTen 0.4.1, its default provider, {theirs:.3f} s, {their_peak:.0f} MiB",
                        "ratio": ours / theirs,
                        "peak_mib": peak,
                    }
                )
    return rows


def latency_circuits(round_trips_ms: tuple[float, ...] = (1.0, 20.0, 100.0), n: int = 10_000) -> list[Row]:
    """Give openings and seconds of joint operations where every message travels for half a round trip.

    Ranges are those of messages, some 8 bits, and of hazards, some 48. All are held to CrypTen's own comparison.
    """
    operations = ("crypten_compare", "compare", "range_8_bits", "range_48_bits", "multiply")
    rows = []
    for delay_ms in round_trips_ms:
        with (
            Relays(delay_ms / 2000) as relays,
            tempfile.TemporaryDirectory() as folder,
            parties(Path(folder), 2, through=relays.towards) as running,
        ):
            found = {name: counted(running, name, n) for name in operations}
            peak = sum(process.peak_mib for process in (*running.workers, running.dealer))
        openings, their_seconds = found.pop("crypten_compare")
        for name, (ours, seconds) in found.items():
            against = f"CrypTen's circuit over the same channel and dealer, {openings} openings, {their_seconds:.3f} s"
            row = {"against": against, "peak_mib": peak}
            at = f"latency_circuits_{name}_{delay_ms:g}ms_{n}"
            rows.append(row | {"name": at, "value": seconds, "unit": "s", "ratio": seconds / their_seconds})
            rows.append(row | {"name": f"{at}_openings", "value": ours, "unit": "rounds", "ratio": ours / openings})
    return rows


def traffic_table(n: int = 1_000_000) -> list[Row]:
    """Give the bytes per comparison on each link: they follow from the sizes alone, and stamps are left out."""
    kind = Comparison(n, additive=True)
    gates = sum((2 * gates.width - 1) * gates.count for gates in kind.gates())
    links = {
        "aggregator_to_aggregator": 8 + (gates + kind.additive) * 8 * kind.m / n,
        "dealer_to_the_last_aggregator": kind.product_words * 8 / n,
        "dealer_to_each_other_aggregator": 0.0,
    }
    against = "the 16 bytes of the two shares that are compared"
    row = {"unit": "bytes per agent and step", "against": against, "peak_mib": 0.0}
    return [
        row | {"name": f"traffic_compare_{link}", "value": n_bytes, "ratio": n_bytes / 16}
        for link, n_bytes in links.items()
    ]


def timed(running: Parties, name: str, n: int, repeats: int) -> float:
    """Return the median time of the slower party."""
    return max(statistics.median(seconds) for seconds in running.call("timed", operation=name, n=n, repeats=repeats))


def counted(running: Parties, name: str, n: int) -> tuple[int, float]:
    """Return how many openings an operation takes, and how long it does."""
    before = len(running.call("openings_seen")[0])
    seconds = max(statistics.fmean(found) for found in running.call("timed", operation=name, n=n, repeats=4))
    return (len(running.call("openings_seen")[0]) - before) // 5, seconds


def plain_crypten(n: int, repeats: int, provider: str = "TFP") -> tuple[float, float]:
    """Return the median time of the slower party, and the sum of peaks in MiB, of CrypTen as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        script = str(Path(__file__).with_name("plain_crypten.py"))
        arguments = [f"file://{folder}/meet", provider, str(n), str(repeats)]
        started = [
            subprocess.Popen(
                [sys.executable, script, str(rank), *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
            )
            for rank in range(2)
        ]
        answers = [json.loads(process.communicate(timeout=300)[0].splitlines()[-1]) for process in started]
    if not all(answer["right"] for answer in answers):
        raise RuntimeError("CrypTen's own comparison was wrong")
    return (
        max(statistics.median(answer["seconds"]) for answer in answers),
        sum(answer["peak_kib"] for answer in answers) / 1024,
    )


class Relays:
    """Ports that pass bytes on after a delay, as a long line would: as many as are on the way at once."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s, self._listeners, self._known = delay_s, [], {}

    def __enter__(self) -> "Relays":
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._listeners:
            listener.close()

    def towards(self, operator: Endpoint) -> Endpoint:
        """Return where to reach an operator over the long line."""
        if operator.name not in self._known:
            listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            self._listeners.append(listener)
            self._known[operator.name] = replace(operator, port=listener.getsockname()[1])
            threading.Thread(target=self._take, args=(listener, operator), daemon=True).start()
        return self._known[operator.name]

    def _take(self, listener: socket.socket, operator: Endpoint) -> None:
        while True:
            try:
                one, _ = listener.accept()
                other = socket.create_connection((operator.host, operator.port))
            except OSError:
                return
            for source, target in ((one, other), (other, one)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                threading.Thread(target=self._read, args=(source, line), daemon=True).start()
                threading.Thread(target=self._write, args=(target, line), daemon=True).start()

    def _read(self, source: socket.socket, line: "queue.SimpleQueue[tuple[float, bytes]]") -> None:
        data = b"x"
        while data:
            try:
                data = source.recv(1 << 18)
            except OSError:
                data = b""
            line.put((time.monotonic() + self._delay_s, data))

    def _write(self, target: socket.socket, line: "queue.SimpleQueue[tuple[float, bytes]]") -> None:
        while True:
            due, data = line.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)
            except OSError:
                return


BENCHMARKS = {
    "compare_vs_crypten": compare_vs_crypten,
    "latency_circuits": latency_circuits,
    "traffic_table": traffic_table,
}
