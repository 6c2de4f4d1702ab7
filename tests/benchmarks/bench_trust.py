"""`utility`: how far released incidences are from the true ones. `trust_cost`: what ledger and noise add to a step."""

import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
from measure import Row

from aggregator.release.ledger import Ledger
from aggregator.release.ledger_entries import write_round
from aggregator.release.noise import ReleaseNoise
from aggregator.rounds.sums import Sums
from aggregator.rounds.vectors import Vectors
from aggregator.store import RoundClosure
from lpm_secure.accounting import sigma_for
from lpm_secure.config import simulation
from lpm_secure.config.releases import NoiseConfig
from lpm_secure.engine.device import device_of
from lpm_secure.run.processes import run_clear, run_private
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build
from protocols.identity import signing
from protocols.releases.mechanism import DiscreteGaussian
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase

CONFIG = Path(__file__).parent.parent.parent / "examples" / "workplace.toml"
CPU = device_of("cpu")
CITY = 1_000_000
DELTA = 1e-6
DRAWS = 200
ROUNDS = 100


def testbed_of(given):
    return build(given, contacts_of(given), free_addresses(given.protocol.addresses))


def utility():
    """Give the relative error of a step of an incidence, and of its total, with the noise of all aggregators.

    The value is the error summed over steps over the incidence summed over steps; the total's stands beside it.
    """
    given = simulation.load(CONFIG)
    city = msgspec.structs.replace(given, synthetic=msgspec.structs.replace(given.synthetic, agents=CITY))
    series = run_clear(testbed_of(city), CPU).series
    rows = []
    for name, part in (("demo", "private"), ("city", "synthetic")):
        incidence = series.incidence(part)
        size = series.size(part)
        for epsilon in (0.5, 1.0, 4.0):
            law = DiscreteGaussian(sigma_for(epsilon, DELTA))
            drawn = (law.sample(DRAWS * incidence.size), law.sample(DRAWS * incidence.size))
            noise = sum(drawn).reshape(DRAWS, -1)
            error = np.abs(noise).sum(axis=1).mean() / incidence.sum()
            total = np.abs(noise.sum(axis=1)).mean() / incidence.sum()
            against = f"total of {incidence.sum():,} infections of {size:,}, off by {total:.3%}"
            rows.append(Row(f"utility_{name}_epsilon_{epsilon:g}", 100 * float(error), "%", against, float(error)))
    return rows


def trust_cost():
    """Give the time of a step of the demo, ledgers and noise included, against the same without these.

    An aggregator's rounds of a step are replayed alone, in the same run, and taken from the measured step.
    """
    given = simulation.load(CONFIG)
    given = msgspec.structs.replace(given, releases=NoiseConfig(epsilon=1.0, cells_epsilon=4.0))
    testbed = testbed_of(given)
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder) / "run", testbed)
        deployment.write()
        step_s = run_private(deployment, CPU).step_s
        trust_s = _alone(deployment.testbed, Path(folder) / "ledger.jsonl")
    without = step_s - trust_s
    return [Row("trust_cost", step_s * 1e3, "ms", f"step without, {without * 1e3:.1f} ms", step_s / without)]


def _alone(testbed, path):
    """Return the seconds of one aggregator's releases and lines in a step."""
    manifest = testbed.manifest
    layout, plan = Layout.of(manifest), ReleasePlan.of(manifest)
    sums = Sums(layout, manifest.schedule, manifest.share(), expands=False)
    ledger = Ledger(path, run=manifests.run_id(manifest), name="aggregator-1", key=signing.new_key())
    noise, names = ReleaseNoise(plan, layout, 1, bytes(32)), tuple(sorted(layout.own))
    sizes = {each: layout.d if each == Phase.SPEAK else layout.n * layout.each(each) for each in Phase}
    vectors = {each: np.zeros(size, dtype=np.uint64) for each, size in sizes.items()}
    counted, synthetic = b"", np.zeros(layout.cells, dtype=np.int64).tobytes()
    started = time.perf_counter()
    for number in range(ROUNDS):
        vector = vectors[manifest.schedule.phase(number)]
        shares = Vectors(lambda client, vector=vector: vector, lambda members, vector=vector: vector)
        total, counted = noise.add(number, vector, names, shares=shares, before=counted)
        done = RoundClosure(number, names, names, {}, total.tobytes(), synthetic, b"")
        write_round(ledger, plan, done, sums.reply_to, layout=layout)
    return (time.perf_counter() - started) / ROUNDS * 2  # outcome mode has two rounds a step


BENCHMARKS = {"utility": utility, "trust_cost": trust_cost}
