"""`demo_private`: wall time of the private demo run, against the same run in the clear in one process."""

import tempfile
from pathlib import Path

from measure import Row

from lpm_secure.config import simulation
from lpm_secure.engine.device import device_of
from lpm_secure.run.processes import run_clear, run_private
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build

CONFIG = Path(__file__).parent.parent.parent / "examples" / "workplace.toml"
CPU = device_of("cpu")


def demo_private():
    """Run both; the first row counts everything, the second only the steps."""
    given = simulation.load(CONFIG)
    testbed = build(given, contacts_of(given), free_addresses(given.protocol.addresses))
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder), testbed)
        deployment.write()
        private = run_private(deployment, CPU)
    clear = run_clear(testbed, CPU)
    if private.series.hash != clear.series.hash:
        raise RuntimeError("the private run differs from the clear one")
    whole, oracle = (each.start_s + each.step_s * (len(each.series.counts) - 1) for each in (private, clear))
    wall = Row("demo_private", whole, "s", f"clear run, {oracle:.2f} s", whole / oracle)
    per_step = f"clear step, {clear.step_s * 1e3:.2f} ms"
    return [
        wall,
        Row("demo_private_step", private.step_s * 1e3, "ms", per_step, private.step_s / clear.step_s),
    ]


BENCHMARKS = {"demo_private": demo_private}
