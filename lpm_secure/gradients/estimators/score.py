"""The score estimator: `d E[f] = Cov(f, sum_i d log P(what happened to i))`, for the discrete epidemic as it is.

Given its exposures, an agent that stays susceptible in a step has the score `-d(dH)`, one that is infected
`d(dH) exp(-dH) / (1 - exp(-dH))`; draws of the initial state and of stays add theirs. What happens in a step has
nothing to do with the scores of later draws, whose mean is 0 given the past; so each step's series is held against the
scores up to it. The baseline of a run is the mean of all.

Source: Glynn, Likelihood ratio gradient estimation for stochastic systems, CACM 33 (1990); Williams, Simple statistical
gradient-following algorithms, Machine Learning 8 (1992), for baselines.
"""

import time
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import numpy as np

from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian, OnSeed, covariances
from lpm_secure.gradients.problem import seeds as over
from lpm_secure.gradients.problem.epidemic import EpidemicProblem
from lpm_secure.gradients.problem.theta import BETA, EFFICACY, INFECTIOUS, INITIAL, LATENT, REDUCTION, P, Point
from lpm_secure.gradients.problem.trajectory import Trajectory, empty, run
from lpm_secure.gradients.problem.world import ContactWorld, ProblemLaw
from protocols.arithmetic.distributions import F64
from protocols.arithmetic.jit import compile_kernel


class DrawScores(NamedTuple):
    """Scores of the draws that do not depend on the history of a run.

    Attributes:
        hazard: float64[2, 2, p], d log(hazard per unit of exposure), by reduction and vaccination.
        latent, infectious: float64[days], d log p_d.
        initial: (d log P(not infectious at the start), d log P(infectious)).
    """

    hazard: F64
    latent: F64
    infectious: F64
    initial: tuple[float, float]


def hazard_slopes(theta: Point) -> F64:
    """Return d log(dH) by every parameter, float64[2, 2, p]: before or in the reduction; unvaccinated or vaccinated."""
    slopes = np.zeros((2, 2, P))
    slopes[:, :, BETA] = 1 / theta.beta
    slopes[1, :, REDUCTION] = -1 / (1 - theta.reduction)
    slopes[:, 1, EFFICACY] = -1 / (1 - theta.efficacy)
    return slopes


def scores_of(problem: EpidemicProblem, theta: Point) -> DrawScores:
    """Return the scores of single draws at theta."""
    never, always = -1 / (1 - theta.initial), 1 / theta.initial if theta.initial else 0.0
    return DrawScores(
        hazard_slopes(theta),
        problem.days(theta, LATENT).score,
        problem.days(theta, INFECTIOUS).score,
        (never, always),
    )


@compile_kernel
def _scores(world: ContactWorld, law: ProblemLaw, scores: DrawScores, path: Trajectory, out: F64) -> None:
    """Add up all agents' scores by the step of the draw, float64[T + 1, p]; row 0 is the start, row t + 1 step t."""
    steps = world.steps
    out[:] = 0.0
    for i in range(world.group.size):
        at, taken = path.at[i], world.vaccinated[i]
        out[0, INITIAL] += scores.initial[1 if at < 0 else 0]
        if at < steps:
            out[at + 1, INFECTIOUS] += scores.infectious[path.end[i] - path.begin[i] - 1]
        if 0 <= at < steps:
            out[at + 1, LATENT] += scores.latent[path.begin[i] - at - 2]
        before = 0
        for t in range(min(at + 1, steps) if at >= 0 else 0):
            total = path.hazard[t, i]
            increment = (total - before) / law.unit
            before = total
            if increment > 0.0:
                weight = increment / np.expm1(increment) if t == at else -increment
                cut = 1 if t >= world.first else 0
                for p in range(out.shape[1]):
                    out[t + 1, p] += weight * scores.hazard[cut, taken, p]


def by_step(problem: EpidemicProblem, series: F64) -> F64:
    """Return what each step adds to the outputs, float64[o, T + 1]; a soft peak is known at the end only.

    Who is infectious in step t is decided before it, who is infected by it.
    """
    weights = problem.outputs.weights
    steps = problem.steps
    added = np.zeros((problem.outputs.count, steps + 1))
    added[:, 1:] += np.einsum("ogt,gt->ot", weights.linear[:, 0], series[0])
    added[:, :steps] += np.einsum("ogt,gt->ot", weights.linear[:, 1], series[1])
    peaks = np.flatnonzero(weights.peak)
    added[peaks] = 0.0
    added[peaks, steps] = problem.outputs.value(series)[peaks]
    return added


@final
@dataclass(frozen=True, slots=True)
class ScoreEstimator(Estimator):
    """One run a seed, for any number of parameters.

    Attributes:
        causal: hold each step's series against the scores up to it, instead of all against all.
    """

    name: ClassVar[str] = "score"
    unbiased: ClassVar[bool] = True

    causal: bool = True

    def estimate(
        self, problem: EpidemicProblem, theta: Point, seeds: range, *, on_seed: OnSeed = lambda: None
    ) -> Jacobian:
        """Return covariances of outputs and scores over seeds."""
        over.check(seeds)
        since = time.perf_counter()
        law, scores = problem.law(theta), scores_of(problem, theta)

        def sample(seed: int) -> tuple[F64, F64]:
            room = empty(problem.world, history=True)
            run(problem.world, law, seed, room)
            added = np.empty((problem.steps + 1, P))
            _scores(problem.world, law, scores, room, added)
            told = by_step(problem, room.series)
            if not self.causal:
                return told.sum(axis=1, keepdims=True), added.sum(axis=0, keepdims=True)
            return told, np.cumsum(added, axis=0)

        told, summed = [], []
        for output, score in over.each(sample, seeds):
            told.append(output)
            summed.append(score)
            on_seed()
        products = covariances(np.stack(told), np.stack(summed))
        if not theta.initial:
            products[:, :, INITIAL] = np.nan  # who could be infectious at the start has no score, since nobody is
        return Jacobian.mean(products, since=since)
