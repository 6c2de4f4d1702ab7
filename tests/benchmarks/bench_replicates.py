"""`replicates_64`: CPU seconds of all parties of one private run with 64 replicates of the workplace, against one run.

`replicates_64_active` is the same with `security = "active"`, over 10 steps. Both are without synthetic agents: what is
measured is the private people's part, in all steps after the first. Each replicate must have the bits of its own run in
the clear.
"""

import tempfile
from pathlib import Path

import msgspec
from measure import Row, cpu_seconds, pids_of

from lpm_secure.config import simulation
from lpm_secure.config.synthetic import SyntheticConfig
from lpm_secure.engine.device import device_of
from lpm_secure.engine.series import difference
from lpm_secure.run.processes import replay, run_private
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build

CONFIG = Path(__file__).parent.parent.parent / "examples" / "workplace.toml"
CPU = device_of("cpu")
COPIES = 64
MOST = 3  # times one run


def cpu_of(given):
    """Return the CPU seconds of all parties in all steps after the first, the engine's included."""
    testbed, used = build(given, contacts_of(given), free_addresses(given.protocol.addresses)), []
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder), testbed)
        deployment.write()
        private = run_private(deployment, CPU, lambda step, release: used.append(cpu_seconds(pids_of(deployment))))
    if apart := difference(private.replicates, replay(testbed, CPU, private).replicates):
        raise RuntimeError(f"the private run differs from the clear ones: {apart}")
    return used[-1] - used[0]


def compared(name, security, *, steps):
    """Return the row of one security."""
    given = simulation.load(CONFIG)
    patient = msgspec.structs.replace(given.protocol, join_timeout_s=600.0, round_timeout_s=120.0)
    given = msgspec.structs.replace(given, synthetic=SyntheticConfig(), protocol=patient, steps=steps)
    cpu = {
        copies: cpu_of(
            msgspec.structs.replace(
                given, private=msgspec.structs.replace(given.private, security=security, replicates=copies)
            )
        )
        for copies in (1, COPIES)
    }
    against = f"one run, {cpu[1]:.2f} CPU s (at most {MOST}x)"
    return [Row(name, cpu[COPIES], "CPU s", against, cpu[COPIES] / cpu[1], cpu_s=cpu[COPIES])]


def replicates_64():
    """Take a semi-honest run."""
    return compared("replicates_64", "semi-honest", steps=60)


def replicates_64_active():
    """Take an active run."""
    return compared("replicates_64_active", "active", steps=10)


BENCHMARKS = {"replicates_64": replicates_64, "replicates_64_active": replicates_64_active}
