"""Infection by thresholds has the law of Eq. 8, and its epidemics are those of a plain Bernoulli simulation.

Source: Eq. 8 of Chopra 2025 (arXiv 2507.09901): in each step p = 1 - exp(-beta S dt / n * X). All seeds are fixed.
"""

import numpy as np
import pytest
from scipy import stats

from protocols.draws import LAW_TOTAL
from protocols.substeps import Exposure, Seir, Stage

F = 40
SEEDS = 2_000
BETA = 0.02
NEVER = 1e-4  # a p-value below it would be seen once in ten thousand sets of seeds; ours are fixed
EXPOSURES = {
    "steady": [5, 5, 5, 5, 5, 5],
    "growing": [1, 2, 4, 8, 16, 32],
    "in bursts": [0, 30, 0, 0, 12, 0],
    "large": [60, 60, 60, 60, 60, 60],
}


def seir(beta=BETA, **changes):
    law = (0, LAW_TOTAL // 2, LAW_TOTAL // 2)
    given = {"beta": (round(beta * 2**F),), "cell_beta": 0, "latent": law, "infectious": law, "initial": 0, "f": F}
    return Seir(**given | changes)


def starts(model, n, *, seeds, scale=1.0):
    """Return the states of n agents for each seed, one after the other."""
    agents, scales = np.arange(n, dtype=np.uint64), np.full(n, scale)
    states = [model.initial_state(agents, (seed, 0), scales) for seed in range(seeds)]
    return {field: np.concatenate([state[field] for state in states]) for field in states[0]}


def infected_in(model, exposures, scale):
    """Count over seeds, for 10 agents each, the step of infection; the last count is of those never infected."""
    state = starts(model, 10, seeds=SEEDS, scale=scale)
    n = state["stage"].size
    counts, before = [], 0
    for exposure in exposures:
        told = Exposure(np.full((n, 1), exposure, dtype=np.int64), np.zeros(n, dtype=np.int64))
        state = model.model().update(state, told)
        infected = int((state["stage"] != Stage.S).sum())
        counts.append(infected - before)
        before = infected
    return np.array([*counts, n - before])


def expected(exposures, susceptibility, n):
    """Return the same counts by Eq. 8."""
    p = 1.0 - np.exp(-BETA * susceptibility * np.array(exposures, dtype=float))
    escaped = np.concatenate([[1.0], np.cumprod(1.0 - p)])
    return n * np.append(escaped[:-1] * p, escaped[-1])


def p_value(counts, law):
    kept = law > 0
    assert counts[~kept].sum() == 0
    return stats.chisquare(counts[kept], law[kept]).pvalue


@pytest.mark.parametrize("susceptibility", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("exposures", EXPOSURES.values(), ids=EXPOSURES)
def test_the_step_of_infection_follows_equation_8(exposures, susceptibility):
    counts = infected_in(seir(), exposures, 1.0 / susceptibility)
    assert p_value(counts, expected(exposures, susceptibility, counts.sum())) > NEVER


@pytest.mark.parametrize("wrong", [0.9, 1.1])
def test_a_beta_that_is_wrong_by_a_tenth_would_be_seen(wrong):
    counts = infected_in(seir(beta=wrong * BETA), EXPOSURES["steady"], 1.0)
    assert p_value(counts, expected(EXPOSURES["steady"], 1.0, counts.sum())) < NEVER


def test_latent_and_infectious_days_follow_their_laws():
    weights = np.array([1, 4, 8, 2, 1])
    law = tuple((weights * LAW_TOTAL // weights.sum()).tolist())
    law = (law[0] + LAW_TOTAL - sum(law), *law[1:])
    model = seir(latent=law, infectious=law[::-1])
    state = starts(model, 10, seeds=SEEDS)
    for field, given in (("latent", law), ("infectious", law[::-1])):
        counts = np.bincount(state[field], minlength=6)[1:]
        assert p_value(counts, np.array(given) / LAW_TOTAL * counts.sum()) > NEVER
    assert abs(np.corrcoef(state["latent"], state["infectious"])[0, 1]) < 4 / np.sqrt(state["latent"].size)


N, DAYS, RUNS = 300, 40, 400


def graph():
    """Return int64[N, N], symmetric: how many contacts each pair has in a day; eight for an agent on average."""
    upper = np.triu(np.random.default_rng(3).random((N, N)) < 8 / N, 1)
    return (upper | upper.T).astype(np.int64)


def by_thresholds(contacts, beta):
    """Return float64[DAYS, RUNS], how many are not susceptible any more, by the production substeps."""
    model = seir(beta=beta, initial=LAW_TOTAL // 50)
    composed, state = model.model(), starts(model, N, seeds=RUNS)
    curve = []
    for _ in range(DAYS):
        says = composed.message(state, channels=1)[:, 0].reshape(RUNS, N)
        exposure = (says @ contacts).reshape(-1, 1)
        state = composed.update(state, Exposure(exposure, np.zeros(exposure.shape[0], dtype=np.int64)))
        curve.append((state["stage"] != Stage.S).reshape(RUNS, N).sum(axis=1))
    return np.array(curve, dtype=float)


def by_coins(contacts, beta):
    """Return the same, by a coin of probability 1 - exp(-beta X) for each susceptible agent and day."""
    draw = np.random.default_rng(4)
    shape = (RUNS, N)
    left = np.where(draw.random(shape) < 1 / 50, draw.integers(2, 4, shape), 0)  # infectious days to come
    susceptible, latent = left == 0, np.zeros(shape, dtype=int)
    curve = []
    for _ in range(DAYS):
        exposure = (left > 0).astype(np.int64) @ contacts
        infected = susceptible & (draw.random(shape) < 1.0 - np.exp(-beta * exposure))
        left = np.maximum(left - 1, 0)
        due = latent == 1
        latent = np.maximum(latent - 1, 0)
        left = np.where(due, draw.integers(2, 4, shape), left)
        latent = np.where(infected, draw.integers(2, 4, shape), latent)
        susceptible &= ~infected
        curve.append((~susceptible).sum(axis=1))
    return np.array(curve, dtype=float)


def largest_z(one, other):
    """Return the largest difference of mean daily curves, in standard errors."""
    difference = one.mean(axis=1) - other.mean(axis=1)
    error = np.sqrt((one.var(axis=1, ddof=1) + other.var(axis=1, ddof=1)) / RUNS)
    return float(np.abs(difference / np.maximum(error, 1e-12)).max())


def test_the_mean_epidemic_is_that_of_a_bernoulli_simulation():
    contacts = graph()
    ours, plain = by_thresholds(contacts, 0.08), by_coins(contacts, 0.08)
    assert plain[-1].mean() > 0.3 * N  # it is an epidemic
    assert largest_z(ours, plain) < 4.0
    assert largest_z(by_thresholds(contacts, 0.09), plain) > 4.0  # an eighth more would be seen
