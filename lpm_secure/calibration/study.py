"""What is calibrated: hospitals with their counts, the city that they lie in, and the weeks kept back to forecast."""

import datetime
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import torch

from client_sdk.likelihood.counts import Counts
from client_sdk.likelihood.institution import DISPERSION, SCALE_SD, Hospital
from client_sdk.private.table import F64
from lpm_secure.calibration.dynamics.city import City, new_york, small
from lpm_secure.calibration.dynamics.simulator import Simulator
from lpm_secure.data import city_admissions, hospital_beds, hospitals_weekly
from protocols.errors import ConfigError

STAYS_HOME: Final = 0.8  # of patients, the share that goes to a hospital of the own borough: an assumption
FIRST_WEEK: Final = datetime.date(2020, 10, 16)  # of simulated hospitals, so that their tables look alike


@final
@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A data set, as the testbed that plays all parties sees it; each hospital sees its own row alone.

    Attributes:
        title: what the data are, said wherever results are shown.
        city: of the simulator.
        names: of the hospitals, h of them.
        weeks: first day of each week, fitted and kept back.
        fitted: how many of them are fitted, W; the rest is forecast.
        series: float64[h, weeks], nan where missing, -1 where a count is 1 to 3.
        share: float64[h, B], prior medians of catchments.
        admissions: float64[weeks], a day, of the whole city; None where nobody counts them.
    """

    title: str
    city: City = field(repr=False)
    names: tuple[str, ...]
    weeks: tuple[str, ...]
    fitted: int
    series: F64 = field(repr=False)
    share: F64 = field(repr=False)
    admissions: F64 | None = field(repr=False)

    def __post_init__(self) -> None:
        """Check the lengths."""
        if not 2 <= self.fitted < len(self.weeks):
            raise ConfigError(
                f"got {self.fitted} weeks to fit of {len(self.weeks)}; fit at least 2, and keep at least 1 to forecast"
            )

    @property
    def ahead(self) -> int:
        """Weeks to forecast."""
        return len(self.weeks) - self.fitted

    def simulator(self) -> Simulator:
        """Return the simulator of the fitted weeks."""
        return Simulator(self.city, self.fitted)

    def hospitals(self, *, local_steps: int) -> dict[str, Hospital]:
        """Return every hospital as it begins, with the counts of the fitted weeks."""
        return {
            name: Hospital(Counts(series[: self.fitted]), share, local_steps=local_steps)
            for name, series, share in zip(self.names, self.series, self.share, strict=True)
        }


def new_york_wave(fitted: int) -> Study:
    """Return the second wave in 26 hospitals of New York City.

    The level of the epidemic is told by no data: twice the prevalence with half the hospital rate, or half of all
    catchment shares, give the same counts. So shares are pinned by public beds: a hospital has its part of the beds of
    its borough, among all hospitals that report any, and a borough's patients go to its own hospitals but for
    1 - `STAYS_HOME`, who are spread over all. The prior of the hospital rate does the rest.

    Raises:
        DataError: a file is missing, or not what the catalogue describes.
    """
    data = hospitals_weekly.read()
    city = new_york()
    beds, total = hospital_beds.read(data.names)
    at_home = np.eye(len(city.boroughs))[data.borough] * (beds / total[data.borough])[:, None]
    anywhere = (beds / total.sum())[:, None]
    share = STAYS_HOME * at_home + (1.0 - STAYS_HOME) * anywhere
    title = "26 hospitals of New York City, weekly inpatients with COVID-19 from 2020-10-16"
    admissions = city_admissions.weekly(data.weeks)
    return Study(title, city, data.names, data.weeks, fitted, data.inpatients, share, admissions)


def simulate_study(fitted: int, ahead: int, *, hospitals: int, seed: int) -> Study:
    """Return made-up hospitals of a made-up small city, drawn from the model and its prior.

    Args:
        fitted, ahead: weeks.
        hospitals: how many.
        seed: of all draws.
    """
    rng, city = np.random.default_rng(seed), small()
    weeks = fitted + ahead
    simulator = Simulator(city, weeks)
    z = torch.from_numpy(rng.normal(0.0, 0.5, (1, simulator.parameters.p)))
    theta = simulator.parameters.theta(z)
    inpatients = simulator.inpatients(theta).numpy()[0]
    share = rng.dirichlet(np.full(hospitals, 5.0), len(city.boroughs)).T
    mean = np.exp(rng.normal(0.0, SCALE_SD, (hospitals, 1))) * (share @ inpatients) + 1e-9
    series = rng.negative_binomial(DISPERSION, DISPERSION / (DISPERSION + mean)).astype(float)
    title = f"MADE UP, NOT REAL DATA: {hospitals} hospitals of a small city, seed {seed}"
    days = tuple((FIRST_WEEK + datetime.timedelta(weeks=week)).isoformat() for week in range(weeks))
    names = tuple(f"hospital-{index + 1}" for index in range(hospitals))
    admissions = simulator.admissions(theta).numpy()[0].sum(axis=0)
    return Study(title, city, names, days, fitted, series, share, admissions)
