"""Six small hospitals of a city of two boroughs, for tests of calibration."""

import numpy as np
import torch

from client_sdk.likelihood.counts import Counts
from client_sdk.likelihood.institution import Hospital
from lpm_secure.calibration.dynamics.city import small
from lpm_secure.calibration.dynamics.simulator import Simulator

WEEKS = 6
SIMULATOR = Simulator(small(), WEEKS, lead=2)
PARAMETERS = SIMULATOR.parameters
RNG_SEED = 7


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
