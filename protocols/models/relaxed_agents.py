"""Relaxed agents, whatever their model: with their tangents, and such as can be gone back through."""

import abc
from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64
from protocols.models.cells import cell_totals
from protocols.models.dual import Dual, Number
from protocols.models.gradient import Gradient

F64 = npt.NDArray[np.float64]
States = list[F64]  # of agents, in whatever form they are held


class RelaxedAgents(abc.ABC):
    """n agents in the order of their holder; a client's own, the engine's, or in the clear run everybody's.

    What they tell is in integers: value in column 0, then p tangents, each at most `clip`. So sums do not depend on
    order or layout, and every number of a private run has the bits that it has in the clear. Subclasses are final.

    Security: never leaves its holder; only `messages`, `tally` and `cells` do, as shares.
    """

    def __init__(self, gradient: Gradient, *, sizes: tuple[int, ...], cell: I64) -> None:
        """Begin.

        Args:
            gradient: which derivatives, and in which fixed point.
            sizes: people in each cell; empty where the run has none.
            cell: int64[n], each agent's cell; empty where the run has none.
        """
        self._gradient, self._cell = gradient, cell
        self._sizes = np.array(sizes, dtype=np.float64)

    @abc.abstractmethod
    def messages(self) -> I64:
        """Return int64[1 + p, n, c + w]: what each agent tells on each contact channel, and on each cell channel."""

    @abc.abstractmethod
    def tally(self) -> I64:
        """Return int64[q, 1 + p]: the expected totals of the model's stages and observables."""

    @abc.abstractmethod
    def update(self, contact: I64, totals: I64, *, step: int) -> None:
        """Move on by one step.

        Args:
            contact: int64[n, c, 1 + p], exposures; of size 0 where contacts do not count.
            totals: int64[w * cells, 1 + p], everybody's totals, of each cell channel those of all cells.
            step: of the run.
        """

    def cells(self, messages: I64, *, channels: int) -> I64:
        """Return int64[w * cells, 1 + p]: what is told in each cell on each of w channels."""
        cells, width = self._sizes.size, len(messages)
        total = np.zeros((channels, cells, width), dtype=np.int64)
        if cells:
            for column, told in enumerate(messages):
                for channel in range(channels):
                    total[channel, :, column] = cell_totals(told[:, channel - channels], self._cell, cells=cells)
        return total.reshape(channels * cells, width)

    def shares(self, totals: I64) -> Dual:
        """Return which share of each agent's own cell says something, [n]."""
        share = self.cell_shares(totals)
        return Dual(share.value[self._cell], share.tangent[:, self._cell])

    def cell_shares(self, totals: I64) -> Dual:
        """Return which share of each cell says something, [cells]; out of [0, size] it is the nearest bound.

        Args:
            totals: int64[cells, 1 + p], of one channel.
        """
        total = self.to_real(totals.T)
        inside = (total.value >= 0.0) & (total.value <= self._sizes)
        value = np.clip(total.value, 0.0, self._sizes) / self._sizes
        return Dual(value, np.where(inside, total.tangent / self._sizes, 0.0))

    def to_fixed(self, number: Number) -> I64:
        """Return int64[1 + p, n], rounded, tangents clipped."""
        dual, given = _dual(number), self._gradient
        value = np.rint(dual.value * 2.0**given.value_bits)
        tangent = np.rint(given.clip_numbers(dual.tangent) * 2.0**given.tangent_bits)
        out = np.empty((given.width, value.size), dtype=np.int64)
        out[0], out[1:] = value, tangent
        return out

    def to_real(self, fixed: I64) -> Dual:
        """Return a dual from int64[1 + p, n]; the scales are powers of two, so nothing is rounded below 2**53."""
        given = self._gradient
        return Dual(fixed[0] * 2.0**-given.value_bits, fixed[1:] * 2.0**-given.tangent_bits)


def _dual(number: Number) -> Dual:
    if not isinstance(number, Dual):
        raise TypeError(f"got {type(number).__name__}: relaxed agents carry tangents")
    return number


@final
@dataclass(frozen=True, slots=True, eq=False)
class Reception:
    """What reached agents in a step.

    Attributes:
        contact: float64[c, n], exposures; none where contacts do not count.
        cell: float64[w * cells], everybody's cell totals.
        theta: float64[m], parameters as the engine announced them.
    """

    contact: F64 = field(repr=False)
    cell: F64 = field(repr=False)
    theta: F64


@final
@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """Of a number to come, by what reached each agent in a step: float64[c, n], float64[w, n], float64[m, n].

    Attributes:
        contact: by exposures.
        cell: by the totals of its own cell.
        theta: by parameters.
    """

    contact: F64 = field(repr=False)
    cell: F64 = field(repr=False)
    theta: F64 = field(repr=False)


class ReversibleAgents(abc.ABC):
    """n agents whose steps go forth with values, and back with derivatives. Subclasses are final.

    Attributes:
        n: of them.
        parameters: names of the m parameters.
        theta: float64[m], the manifest's, as an engine announces them.
    """

    n: int
    parameters: tuple[str, ...]
    theta: F64

    @abc.abstractmethod
    def begin(self, theta: F64) -> States:
        """Return agents at the beginning."""

    @abc.abstractmethod
    def means(self, states: States, theta: F64, *, step: int) -> F64:
        """Return what each agent is expected to tell, and to count for, before a step, float64[c + w + q, n].

        Args:
            states: before the step.
            theta: with which agents came into them.
            step: of the run.
        """

    @abc.abstractmethod
    def move(self, states: States, heard: Reception, *, step: int) -> States:
        """Return agents after a step."""

    @abc.abstractmethod
    def back(self, states: States, adjoints: States, heard: Reception, *, step: int) -> tuple[States, Derivatives]:
        """Return derivatives by states before a step, and by what reached agents, from those by states after it."""

    @abc.abstractmethod
    def back_means(self, states: States, adjoints: States, by: F64, *, theta: F64, step: int) -> F64:
        """Add to derivatives by states those that come through `means`; return those by parameters, float64[m, n].

        Args:
            states: before the step.
            adjoints: derivatives by them, which are added to.
            by: float64[c + w + q, n], derivatives by means.
            theta: with which agents came into these states.
            step: of the run.
        """

    @abc.abstractmethod
    def back_begin(self, adjoints: States) -> F64:
        """Return derivatives by parameters that come through the beginning, float64[m, n]."""
