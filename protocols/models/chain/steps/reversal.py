"""A step of a local chain gone back through: derivatives by states before it, from those by states after it.

Each state's derivative stands where the state does, so lines carry it as they carry the state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from protocols.arithmetic.distributions import F64
from protocols.models.chain.steps.delay_lines import MOST_ROWS, LineRun
from protocols.models.chain.steps.transition import Transition, add_rows, weigh


@final
@dataclass(frozen=True, slots=True)
class Reversal:
    """A chain's step at some parameters, and how its numbers move with these.

    Attributes:
        values: the step, without derivatives.
        slopes: the same with them.
        m: parameters.
    """

    values: Transition
    slopes: Transition
    m: int

    @classmethod
    def of(cls, transition: Transition, shift: F64) -> "Reversal":
        """Shift a step's parameters by so much, float64[m]: its numbers move as their derivatives say."""
        return cls(transition.shift(shift), transition, shift.size)

    def back(self, state: F64, adjoint: F64, growth: Mapping[str, F64], *, step: int) -> tuple[dict[str, F64], F64]:
        """Go back through a step.

        Args:
            state: float64[S, 1, n], before it.
            adjoint: float64[S, 1, n], derivatives by states after it, which become those by states before it.
            growth: of each outcome's level in it, before weights, float64[1, n].
            step: of the run.

        Returns:
            derivatives by growth, float64[n], and by parameters, float64[m, n].
        """
        crosses = self.values.crossings(growth)
        chances = self.values.chances(crosses)
        by_theta = np.zeros((self.m, state.shape[2]))
        taken = self._taken(self.values.leaving(state, chances, step), adjoint, by_theta, step)
        for source in self.values.left:
            adjoint[self.values.lines.row(source, step)] = 0.0
        by_chance: dict[int, F64] = {}
        for place, flow in reversed(list(enumerate(self.values.flows))):
            row, own = self.values.lines.row(flow.source, step), taken[place]
            if flow.stays:
                own = own - adjoint[row]
            if flow.rest:
                adjoint[row] += own
                taken[place - 1] -= own
            elif self.values.patterns[flow.pattern]:
                adjoint[row] += own * chances[flow.pattern]
                by_chance[flow.pattern] = by_chance.get(flow.pattern, 0.0) + own * state[row]
            else:
                adjoint[row] += own * flow.weight
                for parameter, slope in self.slopes.flows[place].slopes:
                    by_theta[parameter] += own[0] * state[row][0] * slope
        return self._by_growth(crosses, by_chance, growth, by_theta), by_theta

    def back_count(self, state: F64, adjoint: F64, by: F64, *, step: int) -> F64:
        """Add derivatives that come through `count`, from those by its numbers, float64[m', n].

        Returns:
            derivatives by parameters, float64[m, n].
        """
        by_theta = np.zeros((self.m, state.shape[2]))
        for own, runs, moving in zip(by, self.values.outputs, self.slopes.outputs, strict=True):
            for run, slopes in zip(runs, moving, strict=True):
                for rows, part in run.parts(step):
                    adjoint[rows] += own if run.weight is None else own * run.weight[part]
                    _by_slopes(by_theta, slopes, part, state[rows], own)
        return by_theta

    def _taken(self, leaving: list[F64], adjoint: F64, by_theta: F64, step: int) -> list[F64]:
        """Return derivatives by what each flow takes along, float64[1, n]."""
        room, found = np.empty((MOST_ROWS, *adjoint.shape[1:])), []
        for flow, moving, part in zip(self.values.flows, self.slopes.flows, leaving, strict=True):
            total = np.zeros(adjoint.shape[1:])
            for run, slopes in zip(flow.runs, moving.runs, strict=True):
                for rows, own in run.parts(step + 1):
                    add_rows(total, weigh(adjoint[rows], run, own, room), room)
                    _by_slopes(by_theta, slopes, own, adjoint[rows], part[0])
            found.append(total)
        return found

    def _by_growth(
        self, crosses: list[F64], by_chance: Mapping[int, F64], growth: Mapping[str, F64], by_theta: F64
    ) -> dict[str, F64]:
        """Return derivatives by growth, float64[n], from those by chances of patterns."""
        by_cross = [np.zeros(by_theta.shape[1]) for _ in crosses]
        for number, by in by_chance.items():
            pattern = self.values.patterns[number]
            for clock, crossed in pattern:
                own = by[0]
                for other, bit in pattern:
                    if other != clock:
                        own = own * (crosses[other][0] if bit else 1.0 - crosses[other][0])
                by_cross[clock] += own if crossed else -own
        found: dict[str, F64] = {}
        for place, (outcome, weight, *_) in enumerate(self.values.clocks):
            by_hazard = by_cross[place] * (1.0 - crosses[place][0])
            found[outcome] = found.get(outcome, 0.0) + by_hazard * weight
            for parameter, slope in self.slopes.clocks[place].slopes:
                by_theta[parameter] += by_hazard * growth[outcome][0] * slope
        return found


def _by_slopes(by_theta: F64, run: LineRun, part: slice, rows: F64, by: F64) -> None:
    """Add derivatives by parameters through a run's weights: of rows, float64[k, 1, n], times `by`, float64[n]."""
    for place, slope in run.slopes:
        for row, own in zip(rows[:, 0], slope[part, 0], strict=True):
            by_theta[place] += row * own * by
