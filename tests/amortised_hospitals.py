"""Six institutions that train an amortised posterior, for tests of its parts."""

import numpy as np

from client_sdk.amortisation.learner import Imperfect, Learner
from client_sdk.likelihood.series import Series
from lpm_secure.calibration.amortisation.cohort import Cohort
from lpm_secure.calibration.amortisation.posterior import AmortisedPosterior, Training, encoder, reference
from tests.calibration_hospitals import OBSERVATION, course_of, institution_of

WEEKS = 6
COURSE = course_of(WEEKS, lead=2)
SMALL = Training(rounds=6, simulations=8, first=3, hidden=12, embedding=8, context=8)
REFERENCE = reference(COURSE, seed=1)
SERIES = np.array([4.0, 9.0, -1.0, np.nan, 21.0, 30.0])

CALIBRATED = Training(rounds=300, simulations=64, first=3, rate=4e-3, hidden=24, embedding=16, context=24)


def series_of(values: np.ndarray) -> Series:
    """Return a series, -1 for 1 to 3."""
    return institution_of(values, [0.3, 0.1]).series


def learners(count: int = 6, training: Training = SMALL) -> dict[str, Learner]:
    """Return what institutions learn with, by name."""
    found = {}
    for index in range(count):
        share = np.array([0.3, 0.1]) if index % 2 else np.array([0.1, 0.3])
        series, shape = series_of(np.roll(SERIES, index)), encoder(COURSE, training)
        key, hidden = bytes([index]) * 32, Imperfect(hidden=(1.0, 3.0))
        found[f"hospital-{index}"] = Learner(series, share, OBSERVATION, REFERENCE, shape, key, hidden)
    return found


def trained(cohort: Cohort, training: Training = SMALL) -> AmortisedPosterior:
    """Return a posterior after all rounds of its training."""
    amortised = AmortisedPosterior(COURSE, cohort, tuple(learners()), training)
    amortised.run()
    return amortised
