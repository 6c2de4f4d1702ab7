"""`outcome_workplace`, `outcome_100k`, `outcome_1m`: outcome mode over processes and TLS, two aggregators, a dealer."""

import tempfile
from pathlib import Path

import msgspec
import numpy as np
from measure import Row, peak_of

from lpm_secure import config
from lpm_secure.contacts import contacts_of
from lpm_secure.data.contact_data import ContactData
from lpm_secure.deployment import Deployment, free_addresses
from lpm_secure.device import device_of
from lpm_secure.private_run import run_clear, run_private
from lpm_secure.testbed import build

CONFIG = Path(__file__).parent.parent.parent / "examples" / "workplace.toml"
CPU = device_of("cpu")
CLIENTS = 20
DEGREE = 10
ACROSS = 0.24  # share of contacts between clients, as in the workplace


def timed(given, data):
    """Return the private run, the clear one, and the peak memory of all its processes in MiB."""
    testbed = build(given, data, free_addresses(given.protocol.addresses))
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder), testbed)
        deployment.write()
        peaks = {}

        def watch(step, release):
            peaks.update(peak_of(deployment.pids()))

        private = run_private(deployment, CPU, watch)
    clear = run_clear(testbed, CPU)
    if private.series.hash != clear.series.hash:
        raise RuntimeError("the private run differs from the clear one")
    return private, clear, sum(peaks.values())


def outcome_workplace():
    """Take the demo in both modes."""
    given = config.load(CONFIG)
    data = contacts_of(given)
    seconds = {}
    for mode in ("sum", "outcome"):
        protocol = msgspec.structs.replace(given.protocol, mode=mode)
        private, _, peak = timed(msgspec.structs.replace(given, protocol=protocol), data)
        seconds[mode] = private.step_s
    against = f"sum mode, {seconds['sum'] * 1e3:.1f} ms (at most 4x)"
    return [
        Row("outcome_workplace", seconds["outcome"] * 1e3, "ms", against, seconds["outcome"] / seconds["sum"], peak)
    ]


def generated(n):
    """Return contacts of n people in 20 groups, about ten each."""
    draw = np.random.default_rng(1)
    m = n * DEGREE // 2
    a = draw.integers(0, n, m)
    size = n // CLIENTS
    inside = a // size * size + draw.integers(0, size, m)
    b = np.where(draw.random(m) < ACROSS, draw.integers(0, n, m), inside)
    pairs = np.unique(np.stack([np.minimum(a, b), np.maximum(a, b)])[:, a != b], axis=1)
    zeros = np.zeros(pairs.shape[1], dtype=np.int64)
    return ContactData(
        people=np.arange(n),
        group=tuple(f"g{agent // size:02d}" for agent in range(n)),
        days=1,
        day=zeros,
        a=pairs[0],
        b=pairs[1],
        weight=zeros + 1,
        source="drawn for a benchmark",
        look_alike=True,
    )


def scaled(name, n, limit_s):
    """Run n private agents in 20 institutions for a few steps."""
    given = config.load(CONFIG)
    given = msgspec.structs.replace(
        given,
        steps=10 if n <= 100_000 else 4,
        model=msgspec.structs.replace(given.model, beta={"near": 0.03}),
        protocol=msgspec.structs.replace(given.protocol, join_timeout_s=600.0, round_timeout_s=120.0),
    )
    private, _, peak = timed(given, generated(n))
    return [
        Row(name, private.step_s, "s", f"limit of {limit_s:g} s a step", private.step_s / limit_s, peak),
        Row(
            f"{name}_bytes",
            bytes_of(private, given.steps, n),
            "B",
            "one word of 8 bytes",
            bytes_of(private, given.steps, n) / 8,
        ),
    ]


def bytes_of(private, steps, n):
    """Return the bytes per agent and step between clients and aggregators, in both directions."""
    total = sum(client["sent_bytes"] + client["received_bytes"] for client in private.clients.values())
    return total / (steps + 1) / n


BENCHMARKS = {
    "outcome_workplace": outcome_workplace,
    "outcome_100k": lambda: scaled("outcome_100k", 100_000, 1.0),
    "outcome_1m": lambda: scaled("outcome_1m", 1_000_000, 10.0),
}
