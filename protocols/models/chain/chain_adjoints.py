"""Relaxed agents of any model's graph without tangents, and the way back through their steps."""

from collections.abc import Iterator
from typing import final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import Columns
from protocols.models.chain.chain_groups import ChainGroups, ChainPart, Levels, Reach, grow
from protocols.models.chain.hazard_factor import ONE, HazardFactor, hazard_factor
from protocols.models.chain.steps.reversal import Reversal
from protocols.models.chain.steps.transition import shift_number, times
from protocols.models.dynamics import Relaxation
from protocols.models.gradient import Gradient
from protocols.models.relaxed_agents import F64, Derivatives, Reception, ReversibleAgents, States


@final
class ChainAdjoints(ReversibleAgents):
    """n agents of a model's graph, with the values of `ChainAgents`.

    What is announced of parameters is by how much they differ from the manifest's. Rates, and probabilities that are
    parameters themselves, are then what they are said to be; all other numbers of a chain move along their derivatives.
    """

    def __init__(self, groups: ChainGroups, gradient: Gradient, *, sizes: tuple[int, ...], cell: I64) -> None:
        """Take agents at the manifest's parameters; arguments are those of `ChainAgents`."""
        self.n, self.parameters, self.theta = groups.n, gradient.parameters, np.zeros(gradient.p)
        self._gradient = gradient
        self._all, self._cell, self._sizes = groups, cell, np.array(sizes, dtype=np.float64)
        self._at, self._levels, self._steps = self.theta.tobytes(), *self._shifted(self.theta)

    @classmethod
    def of_run(cls, run: Relaxation, *, columns: Columns, cell: I64, n: int) -> "ChainAdjoints":
        """Begin a holder's n agents of a run, with their columns; errors are those of `ChainGroups`."""
        return cls(ChainGroups.of_run(run, columns=columns, n=n), run.gradient, sizes=run.sizes, cell=cell)

    def __repr__(self) -> str:
        """Tell the size, and nothing else."""
        return f"ChainAdjoints({self.n} agents, hidden)"

    def begin(self, theta: F64) -> States:
        """Return agents at the beginning."""
        found = []
        for part, reversal in self._parts(theta):
            value = part.begin[:1].copy()
            for own, slope in zip(theta.tolist(), part.begin[1:], strict=True):
                value += slope * own
            found.append(reversal.values.begin(value, part.n))
        return found

    def means(self, states: States, theta: F64, *, step: int) -> F64:
        """Return what each agent is expected to tell, and to count for, before a step, float64[c + w + q, n]."""
        found = np.empty((1 + max(self._all.numbers, default=-1), self.n))
        for (part, reversal), state in zip(self._parts(theta), states, strict=True):
            own = np.empty((len(found), 1, part.n))
            reversal.values.count(state, own, step=step)
            found[:, part.rows] = own[:, 0]
        means: F64 = found[list(self._all.numbers)]
        return means

    def move(self, states: States, heard: Reception, *, step: int) -> States:
        """Return agents after a step."""
        found = []
        for (part, reversal), state in zip(self._parts(heard.theta), states, strict=True):
            after = state.copy()
            growth = self._growth(self._reach(part, heard), part, self._factor(heard, step))
            reversal.values.move(after, growth, step=step)
            found.append(after)
        return found

    def back(self, states: States, adjoints: States, heard: Reception, *, step: int) -> tuple[States, Derivatives]:
        """Return derivatives by states before a step, and by what reached agents, from those by states after it."""
        contact, cell = np.zeros((len(heard.contact), self.n)), np.zeros((self._channels(heard), self.n))
        theta, before, factor = np.zeros((self.theta.size, self.n)), [], self._factor(heard, step)
        for (part, reversal), state, after in zip(self._parts(heard.theta), states, adjoints, strict=True):
            own = after.copy()
            reach = self._reach(part, heard)
            raw = self._growth(reach, part, ONE)
            growth = {name: times(each, factor[0], ()) for name, each in raw.items()}
            by_growth, theta[:, part.rows] = reversal.back(state, own, growth, step=step)
            for name, by_grown in by_growth.items():
                for place, slope in factor[1]:
                    theta[place, part.rows] += by_grown * raw[name][0] * slope
                by = by_grown * factor[0] * part.shares.get(name, 1.0)
                for in_cell, channel, weight, slopes in self._levels[name]:
                    if len(reach[in_cell]):
                        (cell if in_cell else contact)[channel, part.rows] += by * weight
                        for place, slope in slopes:
                            theta[place, part.rows] += by * reach[in_cell][channel][0] * slope
            before.append(own)
        return before, Derivatives(contact, self._by_totals(cell, heard), theta)

    def back_means(self, states: States, adjoints: States, by: F64, *, theta: F64, step: int) -> F64:
        """Add to derivatives by states those that come through `means`; return those by parameters, float64[m, n]."""
        total, found = np.zeros((1 + max(self._all.numbers, default=-1), self.n)), np.zeros((self.theta.size, self.n))
        for number, own in zip(self._all.numbers, by, strict=True):
            total[number] += own
        for (part, reversal), state, adjoint in zip(self._parts(theta), states, adjoints, strict=True):
            found[:, part.rows] = reversal.back_count(state, adjoint, total[:, part.rows], step=step)
        return found

    def back_begin(self, adjoints: States) -> F64:
        """Return derivatives by parameters that come through the beginning, float64[m, n]."""
        found = np.zeros((self.theta.size, self.n))
        for part, adjoint in zip(self._all.parts, adjoints, strict=True):
            for state, slopes in enumerate(part.begin[1:].T):
                for place in np.flatnonzero(slopes):
                    found[place, part.rows] += adjoint[part.transition.lines.row(state, 0), 0] * slopes[place]
        return found

    def _parts(self, theta: F64) -> Iterator[tuple[ChainPart, Reversal]]:
        """Yield agents with their chain's step at these parameters, which is made anew only where they change."""
        if theta.tobytes() != self._at:
            self._at, self._levels, self._steps = theta.tobytes(), *self._shifted(theta)
        return zip(self._all.parts, self._steps, strict=True)

    def _shifted(self, theta: F64) -> tuple[Levels, list[Reversal]]:
        levels = {
            name: tuple(each._replace(weight=shift_number(each.weight, each.slopes, theta)) for each in factors)
            for name, factors in self._all.levels.items()
        }
        made: dict[int, Reversal] = {}
        for part in self._all.parts:
            made.setdefault(id(part.transition), Reversal.of(part.transition, theta))
        return levels, [made[id(part.transition)] for part in self._all.parts]

    def _growth(self, reach: Reach, part: ChainPart, factor: HazardFactor) -> dict[str, F64]:
        plain = {name: tuple(each._replace(slopes=()) for each in own) for name, own in self._levels.items()}
        return grow(plain, reach, part, 1, (factor[0], ()))

    def _factor(self, heard: Reception, step: int) -> HazardFactor:
        return hazard_factor(self._gradient, step, heard.theta)

    def _reach(self, part: ChainPart, heard: Reception) -> Reach:
        """Return exposures from 0, and shares of agents' own cells, float64[c, 1, n] and float64[w, 1, n]."""
        contact = np.maximum(heard.contact[:, None, part.rows], 0.0)
        if not self._sizes.size:
            return contact, np.zeros((0, 1, part.n))
        totals = heard.cell.reshape(-1, self._sizes.size)
        return contact, (np.clip(totals, 0.0, self._sizes) / self._sizes)[:, None, self._cell[part.rows]]

    def _channels(self, heard: Reception) -> int:
        return heard.cell.size // self._sizes.size if self._sizes.size else 0

    def _by_totals(self, by: F64, heard: Reception) -> F64:
        """Return derivatives by totals of cells from those by shares: none by a total out of its range."""
        if not self._sizes.size:
            return by
        totals = heard.cell.reshape(-1, self._sizes.size)
        inside = (totals >= 0.0) & (totals <= self._sizes)
        found: F64 = by * np.where(inside, 1.0 / self._sizes, 0.0)[:, self._cell]
        return found
