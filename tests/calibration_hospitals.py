"""Six small hospitals of a city of two boroughs, for tests of calibration, and their sums in this process."""

import dataclasses

import numpy as np
import torch

from client_sdk.likelihood.counts import Counts
from client_sdk.likelihood.institution import Hospital
from client_sdk.secure_sum.contribution import Contribution, clip_norm
from lpm_secure.calibration.dynamics.city import small
from lpm_secure.calibration.dynamics.simulator import Simulator
from lpm_secure.calibration.parties import shape_of
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from lpm_secure.secure_sum.transport import OpenedSum, SumTransport

WEEKS = 6
SIMULATOR = Simulator(small(), WEEKS, lead=2)
PARAMETERS = SIMULATOR.parameters
RNG_SEED = 7
DEFAULT = Contribution()


def hospitals(count=6, *, local_steps=2):
    rng = np.random.default_rng(RNG_SEED)
    truth = torch.zeros(PARAMETERS.p, dtype=torch.float64)
    mean = np.exp(SIMULATOR.log_inpatients(truth, PARAMETERS).numpy())
    found = {}
    for index in range(count):
        share = np.array([0.3, 0.1]) if index % 2 else np.array([0.1, 0.3])
        series = rng.poisson(share @ mean).astype(float)
        found[f"hospital-{index}"] = Hospital(Counts(series), share, local_steps=local_steps)
    return found


def in_process(held, *, draws, contribution=DEFAULT, aggregators=2, min_cohort=5, rounds=60, releases=None, **changes):
    """Return the sums of these hospitals, all in this process."""
    given = {"rounds": rounds, "min_cohort": min_cohort, "releases": releases, "contribution": contribution}
    manifest = manifest_for(tuple(held), shape_of(held, draws=draws), [NOWHERE] * aggregators, **given)
    return InProcessSum(manifest, held, **changes)


@dataclasses.dataclass
class FloatOracle(SumTransport):
    """The oracle: all data in one place, added up in floating point, without rounding, shares or protection."""

    hospitals: dict
    contribution: Contribution = DEFAULT
    manifest: object = None

    def open(self, announced):
        total = np.zeros(announced.shape)
        for hospital in self.hospitals.values():
            total += clip_norm(hospital.vector(announced), self.contribution.clip)
        return OpenedSum((total * 2.0**self.contribution.bits).reshape(-1), tuple(self.hospitals), {})
