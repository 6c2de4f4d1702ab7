"""Short fits of 26 hospitals to five weeks, in one process, and a client's words that are drawn."""

import numpy as np

from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from tests.calibration_hospitals import config_of, course_of, in_process

COURSE = course_of(5, lead=2)
STUDY = config_of(institutions=26, fitted=5, ahead=2, seed=3).study()
SCHEDULE = FitSchedule(rounds=6, draws=3)
CLIPPED = Contribution(clip=50.0)


def sums_of(*, local_steps=1, hospitals=None, contribution=CLIPPED, **changes):
    held = STUDY.institutions(local_steps=local_steps) if hospitals is None else hospitals
    return in_process(held, draws=SCHEDULE.draws, contribution=contribution, **changes)


def fit_of(sums):
    return Fit(COURSE, sums, SCHEDULE, names=STUDY.names)


def drawn_words(words: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.integers(-(2**62), 2**62, words.size)
