"""The score of any model: `d E[f] = E[df] + Cov(f, sum of d log p of every draw that mattered)`.

What a step adds to an output is held against the scores of the draws up to it: given the past, later ones have mean 0,
and add nothing but noise. The baseline of a run is the mean of all. Numbers that move with a parameter smoothly, such
as payments with a rate of benefit, add their own derivative.

Source: Glynn, Likelihood ratio gradient estimation for stochastic systems, CACM 33 (1990); Williams, Simple statistical
gradient-following algorithms, Machine Learning 8 (1992), for baselines; L'Ecuyer, A unified view of the IPA, SF and LR
gradient estimation techniques, Management Science 36 (1990), for scores and derivatives together.
"""

import time
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian, OnSeed, covariances
from lpm_secure.gradients.history.recorder import HistoryRecorder, RunHistory
from lpm_secure.gradients.model.model_problem import ModelProblem, batches, check_seeds
from lpm_secure.gradients.model.point import ModelPoint
from protocols.arithmetic.distributions import F64
from protocols.models.likelihood.dependence import Dependence


def scores_of(history: RunHistory, count: int, parameters: int) -> F64:
    """Return all agents' scores by the step of the draw, float64[seeds, T + 1, p]; row 0 is the beginning."""
    rows = len(next(iter(history.moments[0].state.values()))) // count
    total = np.zeros((count, len(history.moments), parameters))
    for event in history.events:
        for p, score in event.score.items():
            total[:, event.step + 1, p] += np.bincount(event.rows // rows, score, minlength=count)
    return total


def pathwise(problem: ModelProblem, history: RunHistory, parameters: int) -> F64:
    """Return the outputs' own derivatives, float64[seeds, o, p]."""
    own = np.zeros((len(history.series), problem.outputs.count, parameters))
    for p, slopes in history.slopes.items():
        own[:, :, p] = np.einsum("soqt,sqt->so", problem.outputs.slope(history.series), slopes)
    return own


def hide(value: F64, point: ModelPoint, dependence: Dependence, at_bounds: frozenset[int] = frozenset()) -> F64:
    """Return derivatives with NaN by parameters of which there is none to be had in this way."""
    for p, name in enumerate(point.titles):
        if p in at_bounds or dependence.why_not(name):
            value[..., p] = np.nan
    return value


@final
@dataclass(frozen=True, slots=True)
class ModelScore(Estimator):
    """One run a seed, for any number of parameters."""

    name: ClassVar[str] = "score"
    unbiased: ClassVar[bool] = True

    def estimate(
        self, problem: ModelProblem, theta: ModelPoint, seeds: range, *, on_seed: OnSeed = lambda: None
    ) -> Jacobian:
        """Return covariances of outputs and scores over seeds; NaN by parameters that have no score."""
        check_seeds(seeds)
        since, count = time.perf_counter(), len(theta.names)
        dependence = problem.dependence
        told, summed, own, at_bounds = [], [], [], set[int]()
        for batch in batches(seeds, problem.people.n):
            history = HistoryRecorder(problem, theta, batch, dependence).run()
            told.append(problem.outputs.by_step(history.series))
            summed.append(np.cumsum(scores_of(history, len(batch), count), axis=1))
            own.append(pathwise(problem, history, count))
            at_bounds |= history.at_bounds
            for _ in batch:
                on_seed()
        outputs = np.concatenate(told)
        products = covariances(outputs, np.concatenate(summed))
        samples = hide(products + np.concatenate(own), theta, dependence, frozenset(at_bounds))
        return Jacobian.mean(samples, since=since, outputs=outputs.sum(axis=2))
