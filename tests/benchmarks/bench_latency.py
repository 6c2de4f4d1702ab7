"""`latency_table`: a small active step where servers are apart, over processes and TLS, beside the semi-honest one.

The same people in 12 departments, both ways; the semi-honest step is taken once, on loopback: its servers speak over
ways that are not held back here. Bytes are of all links of a step together, messages those between servers that come
one after the other (`tests/conformance/masking/test_sequence.py` counts them).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from links import per_link
from measure import Row, cpu_seconds, pids_of

from lpm_secure.config import simulation
from lpm_secure.engine.device import device_of
from lpm_secure.run.processes import run_private
from lpm_secure.testbed import deployment as deployments
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
APART_MS = (0, 5, 20, 50)
STEPS = 10
MESSAGES = 6
LIMIT_S = 0.2  # of a step at 20 ms


def launcher(ms):
    """Return how processes are started, of which servers are so many ms apart."""

    def launch(program, log, **_):
        command = ["-m", *program]
        if program[0] == "aggregator" and ms:
            command = [str(Path(__file__).with_name("delayed.py")), str(ms), *program]
        return subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    return launch


def step(name, ms=0):
    """Return the seconds, CPU seconds and bytes of a step of an example, all parties together."""
    given = msgspec.structs.replace(simulation.load(EXAMPLES / f"{name}.toml"), steps=STEPS)
    testbed, used = build(given, contacts_of(given), free_addresses(given.protocol.addresses)), []
    deployments.launch = launcher(ms)
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder), testbed)
        deployment.write()
        note = lambda step, release: used.append(cpu_seconds(pids_of(deployment)))  # noqa: E731
        run = run_private(deployment, device_of("cpu"), note)
        n_bytes = sum(per_link(deployment, run).values())  # by agent
        agents = sum(len(client.agents) for client in testbed.manifest.clients)
    return run.step_s, (used[-1] - used[0]) / (len(used) - 1), n_bytes * agents


def latency_table():
    """Take the active example with servers further and further apart, and the semi-honest one on loopback."""
    peer_s, peer_cpu_s, peer_bytes = step("workplace")
    rows = [Row("latency_table semi-honest", peer_s * 1e3, "ms", "itself, on loopback", 1.0, cpu_s=peer_cpu_s)]
    for ms in APART_MS:
        step_s, cpu_s, n_bytes = step("active", ms)
        against = (
            f"semi-honest, {peer_s * 1e3:.0f} ms (at most 1.2x)"
            if not ms
            else f"{MESSAGES} messages, {ms / 2:g} ms each"
        )
        limit_s = peer_s if not ms else MESSAGES * ms / 2e3
        rows.append(Row(f"latency_table {ms} ms", step_s * 1e3, "ms", against, step_s / limit_s, cpu_s=cpu_s))
        if ms == 20:
            against = f"the limit at 20 ms, {LIMIT_S * 1e3:.0f} ms"
            rows.append(Row("latency_table limit", step_s * 1e3, "ms", against, step_s / LIMIT_S, cpu_s=cpu_s))
    kib = f"semi-honest, {peer_bytes / 1024:.0f} KiB a step over all links"
    rows.append(Row("latency_table bytes", n_bytes / 1024, "KiB", kib, n_bytes / peer_bytes))
    rows.append(Row("latency_table cpu", cpu_s, "CPU s", f"semi-honest, {peer_cpu_s:.3f} s a step", cpu_s / peer_cpu_s))
    return rows


BENCHMARKS = {"latency_table": latency_table}
