"""Is the posterior the right one? Parameters drawn from the prior, data from them, and a federated fit of those.

Hospitals have private sizes and noise as large as real ones. Where truth comes from the prior, the rank of the truth
among posterior draws is uniform, and an interval of 90 % holds it in 90 % of repetitions (Talts et al. 2018,
arXiv 1804.06788). The figures go to build/calibration.json.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from lpm_secure.report.folder import merge_figures
from tests.calibration_hospitals import OBSERVATION, course_of, in_process, institution_of

REPETITIONS, DRAWS, HOSPITALS = 40, 999, 8
COURSE = course_of(8, lead=3)
FIGURES = Path(__file__).parents[2] / "build" / "calibration.json"


def repetition(seed: int, *, rounds: int = 200) -> np.ndarray:
    """Return how many posterior draws of each coordinate lie below the truth, int64[p]."""
    rng = np.random.default_rng(seed)
    truth = torch.from_numpy(rng.standard_normal((1, COURSE.p)))
    inpatients = np.exp(COURSE.log_mean(truth).numpy()[0])
    share = rng.dirichlet(np.full(HOSPITALS, 5.0), inpatients.shape[0]).T
    mean = np.exp(rng.normal(0.0, OBSERVATION.size_sd, (HOSPITALS, 1))) * (share @ inpatients)
    series = rng.negative_binomial(OBSERVATION.spread, OBSERVATION.spread / (OBSERVATION.spread + mean)).astype(float)
    hospitals = {f"h{place}": institution_of(series[place], share[place], local_steps=0) for place in range(HOSPITALS)}
    schedule = FitSchedule(rounds=rounds, draws=12, rate=0.03, seed=seed)
    fit = Fit(COURSE, in_process(hospitals, draws=12, rounds=rounds), schedule)
    fit.run()
    return (fit.draws(DRAWS, seed=seed) < truth).sum(dim=0).numpy()


def inside(ranks: np.ndarray, level: float) -> np.ndarray:
    """Return bool[...]: whether central intervals hold the truth."""
    tail = (1 - level) / 2 * (DRAWS + 1)
    return (ranks >= tail) & (ranks <= DRAWS - tail)


@pytest.fixture(scope="module")
def ranks():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = np.stack([repetition(seed) for seed in range(1, REPETITIONS + 1)])
    torch.set_num_threads(threads)
    return found


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_intervals_of_90_percent_hold_the_truth_as_often_as_they_say(ranks):
    held = inside(ranks, 0.9).sum(axis=0)
    low, high = stats.binom.interval(0.95, REPETITIONS, 0.9)
    each_low, each_high = stats.binom.interval(1 - 0.05 / COURSE.p, REPETITIONS, 0.9)
    p_uniform = [float(stats.kstest((rank + 0.5) / (DRAWS + 1), "uniform").pvalue) for rank in ranks.T]
    recovery = {
        "repetitions": REPETITIONS,
        "held_90": dict(zip(COURSE.coordinates, held.tolist(), strict=True)),
        "held_90_mean": float(held.mean()),
        "held_50_mean": float(inside(ranks, 0.5).sum(axis=0).mean()),
        "band_95": [float(low), float(high)],
        "p_uniform": dict(zip(COURSE.coordinates, p_uniform, strict=True)),
    }
    merge_figures(FIGURES, {"recovery": recovery})
    print(recovery)
    assert low <= held.mean() <= high
    assert ((held >= each_low) & (held <= each_high)).all()


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_ranks_of_the_truth_are_uniform(ranks):
    for rank in ranks.T:
        assert stats.kstest((rank + 0.5) / (DRAWS + 1), "uniform").pvalue > 0.01 / COURSE.p
    assert stats.kstest((ranks.mean(axis=1) + 0.5) / (DRAWS + 1), "uniform").statistic < 0.5
