"""Six small institutions of two places, for tests of calibration, and their sums in this process."""

import dataclasses

import msgspec
import numpy as np
import torch

from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.likelihood.observation import Observation
from client_sdk.likelihood.series import Series
from client_sdk.secure_sum.contribution import Contribution, clip_norm
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.data_config import DataConfig
from lpm_secure.calibration.parties import shape_of
from lpm_secure.data.place_table import two_places
from lpm_secure.models.courses.compartments.config import CompartmentConfig
from lpm_secure.models.courses.compartments.course import CompartmentCourse
from lpm_secure.models.courses.compartments.metapopulation import compose
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from lpm_secure.secure_sum.transport import OpenedSum, SumTransport

WEEKS = 6
MODEL = {
    "name": "compartments",
    "measure": "present",
    "immune": 0.2,
    "severity": [0.1, 0.35],
    "lead": 2,
    "knot": 2,
    "delays": {"latent_days": 3.0, "infectious_days": 5.0, "event_days": 9.0, "longest_days": 84},
    "priors": {
        "reproduction": {"median": 1.4, "sd": 0.2},
        "walk_sd": 0.15,
        "prevalence": {"median": 3e-4, "sd": 0.8},
        "rate": {"median": 0.025, "sd": 0.3},
        "stay_days": {"median": 9.0, "sd": 0.2},
    },
}
AUTOREGRESSIVE = {name: prior for name, prior in MODEL["priors"].items() if name != "walk_sd"} | {
    "autoregression": {
        "mean": {"median": 1.25, "sd": 0.1},
        "half_life_days": {"median": 30.0, "sd": 0.5},
        "scale": 0.3,
    }
}
OBSERVATION = Observation(likelihood="negative_binomial", spread=20.0, spread_sd=1.0, size_sd=0.5, share_sd=0.3)
KNOWN_SIZE = msgspec.structs.replace(OBSERVATION, size_sd=0.0)


def course_of(weeks, **changes):
    """Return the expected course of two made-up places."""
    config = msgspec.convert(MODEL | changes, CompartmentConfig)
    return CompartmentCourse(compose(two_places(), config.severity), config, weeks, 7)


def config_of(*, institutions, fitted, ahead, seed=1, **changes):
    """Return the configuration of a calibration of made-up institutions."""
    return CalibrationConfig(
        name="small",
        seed=seed,
        data=DataConfig(simulated=institutions, fit_periods=fitted, forecast_periods=ahead),
        model=msgspec.convert(MODEL | {"lead": 5}, CompartmentConfig),
        observation=OBSERVATION,
        **changes,
    )


COURSE = course_of(WEEKS)
RNG_SEED = 7
DEFAULT = Contribution()


def institution_of(values, share, **changes):
    """Return an institution whose values are known, or -1 for 1 to 3, or nan."""
    values = np.asarray(values, dtype=float)
    hidden = values == -1
    series = Series(np.where(hidden, 1.0, values), np.where(hidden, 3.0, values))
    return SeriesInstitution(series, np.asarray(share), changes.pop("observation", OBSERVATION), **changes)


def hospitals(count=6, *, local_steps=2):
    rng = np.random.default_rng(RNG_SEED)
    truth = torch.zeros(COURSE.p, dtype=torch.float64)
    mean = np.exp(COURSE.log_mean(truth).numpy())
    found = {}
    for index in range(count):
        share = np.array([0.3, 0.1]) if index % 2 else np.array([0.1, 0.3])
        series = rng.poisson(share @ mean).astype(float)
        found[f"hospital-{index}"] = institution_of(series, share, local_steps=local_steps)
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
