"""`outcome_workplace`, `outcome_100k`, `outcome_1m`: outcome mode over processes and TLS, two aggregators, a dealer.

`outcome_active_100k` and `outcome_active_1m` are the same runs of a few steps with `security = "active"`.
"""

import tempfile
from pathlib import Path

import msgspec
import numpy as np
from links import per_link
from measure import Memory, Row, cpu_seconds, pids_of

from lpm_secure.config import simulation
from lpm_secure.data.contact_data import ContactData
from lpm_secure.engine.device import device_of
from lpm_secure.run.processes import run_clear, run_private
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build

CONFIG = Path(__file__).parent.parent.parent / "examples" / "workplace.toml"
CPU = device_of("cpu")
CLIENTS = 20
DEGREE = 10
LIMIT_MIB = 8192
ACROSS = 0.24  # share of contacts between clients, as in the workplace


def timed(given, data):
    """Return the private run, all parties' memory in MiB at its peak, the bytes of each link, and CPU seconds.

    CPU seconds are those of all parties in all steps after the first, the engine's included.

    The engine's part is played by this process, which is not counted: it holds all data, for the clear run.
    """
    testbed, used = build(given, data, free_addresses(given.protocol.addresses)), []
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder), testbed)
        deployment.write()
        with Memory(lambda: pids_of(deployment)) as memory:
            private = run_private(deployment, CPU, lambda step, release: used.append(cpu_seconds(pids_of(deployment))))
        links = per_link(deployment, private)
    clear = run_clear(testbed, CPU)
    if private.series.hash != clear.series.hash:
        raise RuntimeError("the private run differs from the clear one")
    return private, memory.peak_mib, links, used[-1] - used[0]


def outcome_workplace():
    """Take the demo in both modes."""
    given = simulation.load(CONFIG)
    data = contacts_of(given)
    seconds = {}
    for mode in ("sum", "outcome"):
        protocol = msgspec.structs.replace(given.protocol, mode=mode)
        private, peak, _, cpu_s = timed(msgspec.structs.replace(given, protocol=protocol), data)
        seconds[mode] = private.step_s
    against = f"sum mode, {seconds['sum'] * 1e3:.1f} ms (at most 4x)"
    ratio = seconds["outcome"] / seconds["sum"]
    return [Row("outcome_workplace", seconds["outcome"] * 1e3, "ms", against, ratio, peak, cpu_s=cpu_s)]


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


def large(given, *, steps):
    """Return the demo's configuration for many agents and a few steps."""
    return msgspec.structs.replace(
        given,
        steps=steps,
        model=msgspec.structs.replace(given.model, beta={"near": 0.03}),
        protocol=msgspec.structs.replace(given.protocol, join_timeout_s=600.0, round_timeout_s=120.0),
    )


def scaled(name, n, limit_s, security="semi-honest"):
    """Run n private agents in 20 institutions for a few steps."""
    given = large(simulation.load(CONFIG), steps=10 if n <= 100_000 and security != "active" else 4)
    given = msgspec.structs.replace(given, private=msgspec.structs.replace(given.private, security=security))
    private, peak, links, cpu_s = timed(given, generated(n))
    return [
        Row(name, private.step_s, "s", f"limit of {limit_s:g} s a step", private.step_s / limit_s, peak, cpu_s=cpu_s),
        Row(f"{name}_memory", peak, "MiB", f"limit of {LIMIT_MIB} MiB over all processes", peak / LIMIT_MIB, peak),
        *(
            Row(f"{name} {link}", n_bytes, "B/agent/step", "one word of 8 bytes", n_bytes / 8)
            for link, n_bytes in links.items()
        ),
    ]


def validity():
    """Take the demo, and 100,000 agents in 20 institutions, with and without the check of all words."""
    given = simulation.load(CONFIG)
    rows = []
    for name, one, data in (
        ("validity_workplace", given, contacts_of(given)),
        ("validity_100k", large(given, steps=6), generated(100_000)),
    ):
        seconds = {}
        for kind in ("off", "bits"):
            protocol = msgspec.structs.replace(one.protocol, mode="outcome", validity=kind)
            private, peak, _, cpu_s = timed(msgspec.structs.replace(one, protocol=protocol), data)
            seconds[kind] = private.step_s
        against = f"outcome mode that trusts its clients, {seconds['off'] * 1e3:.1f} ms"
        rows.append(
            Row(name, seconds["bits"] * 1e3, "ms", against, seconds["bits"] / seconds["off"], peak, cpu_s=cpu_s)
        )
    return rows


BENCHMARKS = {
    "outcome_workplace": outcome_workplace,
    "validity": validity,
    "outcome_100k": lambda: scaled("outcome_100k", 100_000, 1.0),
    "outcome_1m": lambda: scaled("outcome_1m", 1_000_000, 10.0),
    "outcome_active_100k": lambda: scaled("outcome_active_100k", 100_000, 1.2, "active"),
    "outcome_active_1m": lambda: scaled("outcome_active_1m", 1_000_000, 12.0, "active"),
}
