"""Coupled alternatives: the exact effect of single changed draws, drawn at the rates at which parameters change them.

    d E[f] = E[df] + E[ sum over draws that mattered of (rate) x (f(the run with this draw changed) - f(the run)) ]

without bias for the discrete model. Which draws are changed does not depend on the parameter, only the rates do: one
run with a few replayed alternatives gives the derivatives by all parameters. Which draws there are is read off the
graph. Of each kind (a node, a field that held its draw until it mattered, a clock) a few are changed, drawn by how much
they change with the parameters; rates are signed.

Source: Arya, Schauer, Schäfer and Rackauckas, Automatic differentiation of programs with discrete randomness, NeurIPS
2022; Fu and Hu, Conditional Monte Carlo (1997), for smoothed perturbation analysis; Hesterberg, Weighted average
importance sampling and defensive mixture distributions, Technometrics 37 (1995).
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

import numpy as np

from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian, OnSeed
from lpm_secure.gradients.estimators.model_score import hide, pathwise
from lpm_secure.gradients.history.recorder import HistoryRecorder, RunHistory
from lpm_secure.gradients.history.replays import Alternative, Replays
from lpm_secure.gradients.model.model_problem import ModelProblem, batches, check_seeds
from lpm_secure.gradients.model.point import ModelPoint
from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError
from protocols.models.likelihood.events import ChanceEvent

CHOICE: Final = 32  # second word of the key by which it is drawn which draws are changed
REPLAYED: Final = 2**18  # rows of a batch whose alternatives are replayed together


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """An alternative, and the rate at which each parameter brings it about, over its chance of being chosen."""

    alternative: Alternative
    seed: int
    rate: dict[int, float]


def choose_alternatives(history: RunHistory, theta: ModelPoint, seeds: range, count: int) -> list[_Choice]:
    """Draw which draws are changed: of each kind up to `count` a run, or one a parameter, by systematic sampling."""
    rows = len(next(iter(history.moments[0].state.values()))) // len(seeds)
    kinds: dict[tuple[str, int | str], list[ChanceEvent]] = defaultdict(list)
    for event in history.events:
        kinds[event.kind, event.name].append(event)
    chosen = []
    generators = [np.random.Generator(np.random.Philox(key=[seed, CHOICE])) for seed in seeds]
    for events in kinds.values():
        row = np.concatenate([event.rows for event in events])
        weight, moving = _weigh(events, row // rows, theta)
        which = np.repeat(np.arange(len(events)), [event.rows.size for event in events])
        place = np.concatenate([np.arange(event.rows.size) for event in events])
        for copy, generator in enumerate(generators):
            own = np.flatnonzero((row // rows == copy) & (weight > 0))
            for at, share in _sample(weight[own], max(count, moving), generator):
                event, k = events[which[own[at]]], place[own[at]]
                made = Alternative(event.kind, event.name, event.step, int(event.rows[k]), int(event.value[k]))
                chosen.append(_Choice(made, copy, {p: float(r[k]) * share for p, r in event.rate.items()}))
    return chosen


def _weigh(events: list[ChanceEvent], copy: I64, theta: ModelPoint) -> tuple[F64, int]:
    """Return how likely each draw is to be changed, float64[m], but for a factor in each copy; and of how many
    parameters it depends.

    One half is in proportion to what a draw changes with all parameters together, the other to its parts of all that
    change with each parameter: so none is left to a few lucky draws, whose standard error would be told too small.
    """
    whole, parts = np.zeros(copy.size), np.zeros(copy.size)
    moving = sorted({p for event in events for p in event.rate})
    for p in moving:
        rate = np.concatenate([np.abs(event.rate.get(p, np.zeros(event.rows.size))) for event in events])
        whole += rate * theta.length(p)
        parts += _share(rate, copy)
    return _share(whole, copy) + _share(parts, copy), len(moving)


def _share(weight: F64, copy: I64) -> F64:
    """Return weights as parts of their sum in each copy; 0 where that is 0."""
    total = np.bincount(copy, weight)[copy]
    return np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)


def _sample(weight: F64, count: int, generator: np.random.Generator) -> Iterator[tuple[int, float]]:
    """Yield places drawn in proportion to a weight, and one over how often each is drawn on average."""
    shift = generator.random()
    if weight.size <= count:
        yield from ((at, 1.0) for at in range(weight.size))
        return
    summed = np.cumsum(weight)
    targets = (np.arange(count) + shift) * summed[-1] / count
    for at in np.minimum(np.searchsorted(summed, targets), weight.size - 1):
        yield int(at), float(summed[-1] / count / weight[at])


@final
@dataclass(frozen=True, slots=True)
class ModelAlternatives(Estimator):
    """One run a seed, and some replayed alternatives, for any number of parameters.

    Attributes:
        alternatives: how many of each kind a run; of a kind that more parameters move, as many as these.
    """

    name: ClassVar[str] = "coupled"
    unbiased: ClassVar[bool] = True

    alternatives: int = 16

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            ParameterError: none at all.
        """
        if self.alternatives < 1:
            raise ParameterError(f"got {self.alternatives} alternatives; at least 1 is needed")

    def estimate(
        self, problem: ModelProblem, theta: ModelPoint, seeds: range, *, on_seed: OnSeed = lambda: None
    ) -> Jacobian:
        """Average effects over seeds; NaN by parameters that act through comparisons."""
        check_seeds(seeds)
        since, dependence = time.perf_counter(), problem.dependence
        samples, outputs = [], []
        for batch in batches(seeds, problem.people.n):
            recorder = HistoryRecorder(problem, theta, batch, dependence)
            history = recorder.run()
            samples.append(self._effects(problem, theta, batch, Replays(recorder, history, dependence.clocks), history))
            outputs.append(problem.outputs.value(history.series))
            for _ in batch:
                on_seed()
        found = hide(np.concatenate(samples), theta, dependence)
        return Jacobian.mean(found, since=since, outputs=np.concatenate(outputs))

    def _effects(
        self, problem: ModelProblem, theta: ModelPoint, seeds: range, replays: Replays, history: RunHistory
    ) -> Any:
        """Return each seed's estimate, float64[seeds, o, p]."""
        total = pathwise(problem, history, len(theta.names))
        chosen = choose_alternatives(history, theta, seeds, self.alternatives)
        size = max(REPLAYED // problem.people.n, 1)
        for first in range(0, len(chosen), size):
            part = chosen[first : first + size]
            series = replays.replay([each.alternative for each in part])
            runs = history.series[[each.seed for each in part]]
            effects = problem.outputs.value(runs + series) - problem.outputs.value(runs)
            for each, effect in zip(part, effects, strict=True):
                for p, rate in each.rate.items():
                    total[each.seed, :, p] += rate * effect
        return total
