"""Forward derivatives along a run of the discrete epidemic, with a stand-in for the derivative of each infection.

Values are those of the discrete run. A relaxation says how much "being infected in this step" changes with the agent's
hazard; the rest is the chain rule, exact: messages are linear, and stays move as in `coupled`. One pass gives all
parameters, at the cost of `1 + p` channels; on a client the same channels travel beside its messages.
"""

import abc
import time
from typing import Any, ClassVar, NamedTuple

import numpy as np

from lpm_secure.engine.kernels.draws import days, key_of, word
from lpm_secure.gradients.estimators.coupled_replay import Rates, rates_of
from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian, OnSeed, stack
from lpm_secure.gradients.problem import seeds as over
from lpm_secure.gradients.problem.epidemic import EpidemicProblem
from lpm_secure.gradients.problem.theta import INFECTIOUS, INITIAL, LATENT, P, Point
from lpm_secure.gradients.problem.trajectory import DURATION, Trajectory, empty, run
from lpm_secure.gradients.problem.trajectory import LATENT as LATENT_DRAW
from lpm_secure.gradients.problem.world import ContactWorld, ProblemLaw
from protocols.arithmetic.distributions import F64
from protocols.arithmetic.jit import compile_kernel, inline_kernel


class Tangents(NamedTuple):
    """Derivatives by p parameters that move along with a run.

    Attributes:
        infected: float32[T, n, p], of being infected in each step.
        summed: float64[n, p], of having been infected; for summed gains, of the hazard.
        ill: float64[n, p], of being infectious now.
        heard: float64[n, p], of the exposure.
        latent, stay: int32[n], the days that each agent draws.
        series: float64[p, 2, groups, T], of the run's series.
    """

    infected: Any
    summed: F64
    ill: F64
    heard: F64
    latent: Any
    stay: Any
    series: F64


def tangents_of(world: ContactWorld) -> Tangents:
    """Return tangents of 0."""
    n, steps = world.group.size, world.steps
    latent, stay = np.empty((2, n), dtype=np.int32)
    infected = np.zeros((steps, n, P), dtype=np.float32)
    summed, ill, heard = np.zeros((3, n, P))
    return Tangents(infected, summed, ill, heard, latent, stay, np.zeros((P, 2, world.groups, steps)))


@inline_kernel
def _ill(world: ContactWorld, rates: Rates, path: Trajectory, tangents: Tangents, t: Any) -> None:
    """Move the tangents of being infectious on to a step, and add them to the series."""
    infected, _, ill, _, latent, stay, series = tangents
    for i in range(world.group.size):
        begun, ended = t - latent[i] - 1, t - latent[i] - stay[i] - 1
        for p in range(ill.shape[1]):
            if begun >= 0:
                ill[i, p] += infected[begun, i, p]
            if ended >= 0:
                ill[i, p] -= infected[ended, i, p]
        if path.at[i] >= 0:
            if t == 0:
                ill[i, INITIAL] += rates.initial
            elif t == stay[i]:
                ill[i, INITIAL] -= rates.initial
        for p in range(ill.shape[1]):
            series[p, 1, world.group[i], t] += ill[i, p]


@inline_kernel
def _longer(world: ContactWorld, rates: Rates, path: Trajectory, t: Any, i: Any) -> Any:
    """Return what longer stays add to an agent's tangents of being infectious in this step only."""
    latent, stay = 0.0, 0.0
    if path.at[i] < world.steps:
        if path.at[i] >= 0:
            rate = rates.latent[path.begin[i] - path.at[i] - 2]
            if t == path.begin[i]:
                latent = -rate
            elif t == path.end[i]:
                latent = rate
        if t == path.end[i]:
            stay = rates.infectious[path.end[i] - path.begin[i] - 1]
    return latent, stay


@inline_kernel
def _speak(world: ContactWorld, rates: Rates, path: Trajectory, tangents: Tangents, t: Any) -> None:
    """Add all messages' tangents to what neighbours hear."""
    ill, heard = tangents.ill, tangents.heard
    said = np.empty(ill.shape[1])
    heard[:] = 0.0
    day = t % world.indptr.shape[0]
    for i in range(world.group.size):
        latent, stay = _longer(world, rates, path, t, i)
        said[:] = ill[i]
        said[LATENT] += latent
        said[INFECTIOUS] += stay
        tangents.series[LATENT, 1, world.group[i], t] += latent
        tangents.series[INFECTIOUS, 1, world.group[i], t] += stay
        if not said.any():
            continue
        for e in range(world.indptr[day, i], world.indptr[day, i + 1]):
            for p in range(said.size):
                heard[world.indices[e], p] += world.weight[e] * said[p]


@inline_kernel
def _infect(world: ContactWorld, law: ProblemLaw, rates: Rates, path: Trajectory, state: Any) -> None:
    """Turn what agents hear into tangents of being infected."""
    tangents, gain, cumulative, t = state
    infected, summed, _, heard, _, _, series = tangents
    cut = 1 if t >= world.first else 0
    for i in range(world.group.size):
        at, taken = path.at[i], world.vaccinated[i]
        if at < 0 or (not cumulative and at < t):
            continue
        increment = (path.hazard[t, i] - (path.hazard[t - 1, i] if t else 0)) / law.unit
        factor = law.factor[cut, taken] / law.unit
        for p in range(heard.shape[1]):
            slope = factor * heard[i, p] + increment * rates.hazard[cut, taken, p]
            if cumulative:
                before = gain[t - 1, i] * summed[i, p] if t else 0.0
                summed[i, p] += slope
                moved = gain[t, i] * summed[i, p] - before
            else:
                moved = gain[t, i] * slope
                summed[i, p] += moved
                if at == t:
                    moved -= summed[i, p] - moved
            if p == INITIAL and at == t:
                moved -= rates.initial
            infected[t, i, p] = moved
            series[p, 0, world.group[i], t] += moved


@compile_kernel
def propagate(world: ContactWorld, law: ProblemLaw, rates: Rates, path: Trajectory, state: Any) -> None:
    """Carry tangents through a run; `state` is the key, tangents of 0, gains float64[T, n], and if these are summed.

    A gain is the derivative of being infected in a step by the hazard of the step; a summed gain is the derivative of
    having been infected by then by the summed hazard.
    """
    key, tangents, gain, cumulative = state
    for i in range(world.group.size):
        tangents.latent[i] = days(word(key, np.uint64(i), LATENT_DRAW), law.latent)
        tangents.stay[i] = days(word(key, np.uint64(i), DURATION), law.infectious)
        if path.at[i] >= 0:
            tangents.series[INITIAL, 0, world.group[i], 0] += rates.initial
    for t in range(world.steps):
        _ill(world, rates, path, tangents, t)
        _speak(world, rates, path, tangents, t)
        _infect(world, law, rates, path, (tangents, gain, cumulative, t))


class Relaxation(Estimator):
    """A stand-in for the derivative of an infection. Subclasses are final.

    Attributes:
        cumulative: whether `gain` is by the summed hazard.
    """

    cumulative: ClassVar[bool] = False

    @abc.abstractmethod
    def gain(self, law: ProblemLaw, path: Trajectory) -> F64:
        """Return the derivatives of infections along a run, float64[T, n]."""

    def estimate(
        self, problem: EpidemicProblem, theta: Point, seeds: range, *, on_seed: OnSeed = lambda: None
    ) -> Jacobian:
        """Average derivatives over seeds."""
        over.check(seeds)
        since = time.perf_counter()
        law, rates = problem.law(theta), rates_of(problem, theta)

        def sample(seed: int) -> F64:
            path = empty(problem.world, history=True)
            run(problem.world, law, seed, path)
            tangents = tangents_of(problem.world)
            state = (key_of((seed, 0)), tangents, self.gain(law, path), self.cumulative)
            propagate(problem.world, law, rates, path, state)
            slope = problem.outputs.slope(path.series)
            return np.asarray(np.einsum("okgt,pkgt->op", slope, tangents.series))

        return Jacobian.mean(stack(over.each(sample, seeds), on_seed), since=since)
