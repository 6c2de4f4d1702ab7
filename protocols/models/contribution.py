"""What each relaxed agent adds to a noised release, over all steps of a run, held within what the noise covers."""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64
from protocols.models.chain.chain_agents import ChainAgents
from protocols.models.gradient import Gradient

F64 = npt.NDArray[np.float64]
Norms = tuple[float, float]  # of values, and of derivatives by each parameter
ROUNDED: Final = 1 - 2.0**-40  # of what is left: sums of squares are rounded, and never to above the bound


@final
@dataclass(slots=True)
class NormFilter:
    """Clips numbers of n agents, told step after step, so that each agent's have at most some Euclidean norm in a run.

    Attributes:
        limit: float64[1 + p, 1], the norm of an agent's values and of its derivatives by each parameter, in words.

    Security: what is left of an agent's norm is its holder's alone.
    """

    limit: F64
    _spent: F64 | None = field(default=None, repr=False)  # squares of what was told

    @classmethod
    def of(cls, gradient: Gradient, norms: Norms) -> "NormFilter":
        """Return a bound of values and derivatives, in real numbers."""
        return cls(np.array(gradient.units(*norms), dtype=np.float64)[:, None])

    def clip(self, words: I64) -> I64:
        """Return int64[1 + p, n], each as near as what is left of its norm allows."""
        left = self.limit**2 - (0.0 if self._spent is None else self._spent)
        most = np.floor(np.sqrt(np.maximum(left, 0.0)) * ROUNDED).astype(np.int64)
        return np.clip(words, -most, most)

    def spend(self, words: I64) -> None:
        """Take note of what was told."""
        squares = words.astype(np.float64) ** 2
        self._spent = squares if self._spent is None else self._spent + squares


@final
class ContributionBound:
    """Bounds what n agents add to departures from the first stage, and to their cells, where both have noise.

    Over all steps of a run together, its values have at most some Euclidean norm, and so have its derivatives by each
    parameter: those that the noise was made for. An agent's departure, spread over steps, has a small one.

    Security: the norms hold whatever an agent does, and whichever steps its holder misses.
    Source: what is left of a norm is never exceeded, as adaptive Gaussian mechanisms need it (Rogers, Roth, Ullman,
        Vadhan 2016, arXiv 1605.08294).
    """

    def __init__(self, gradient: Gradient, *, departures: Norms, cells: Norms | None) -> None:
        """Begin a run with norms of values and derivatives of either; None where there are no cells."""
        self._departures = NormFilter.of(gradient, departures)
        self._cells = None if cells is None else NormFilter.of(gradient, cells)
        self._everybody: I64 = np.array([[2**gradient.value_bits], *[[0]] * gradient.p])
        self._remaining: I64 | None = None

    def contribution(self, agents: ChainAgents, messages: I64) -> "StepContribution":
        """Return what agents add to a step's releases; `messages` are theirs."""
        spoken = messages[..., -1:]
        if self._cells is not None:
            spoken = self._cells.clip(messages[..., -1])[..., None]
        departed = self._departures.clip(self._before - agents.first())
        remaining, tally = self._before - departed, agents.tally()
        tally[0] = remaining.sum(axis=1)
        return StepContribution(agents.cells(spoken, channels=1), tally, spoken[..., 0], departed, remaining)

    def spend(self, contribution: "StepContribution") -> None:
        """Take note of what a round has taken in, its answer lost or not; not of a round that closed without it."""
        self._remaining = contribution.remaining
        self._departures.spend(contribution.departed)
        if self._cells is not None:
            self._cells.spend(contribution.spoken)

    @property
    def _before(self) -> I64:
        """Return what counted of agents in the first stage in the round before, int64[1 + p, n], or of each of them."""
        return self._everybody if self._remaining is None else self._remaining


@final
@dataclass(frozen=True, slots=True, eq=False)
class StepContribution:
    """What agents add to a step's releases, within their bound.

    Attributes:
        cells: int64[cells, 1 + p].
        tally: int64[q, 1 + p].
        spoken: int64[1 + p, n], what each tells its cell; departed: by how much less it is in the first stage than in
            the round before; remaining: what it counts for there.
    """

    cells: I64 = field(repr=False)
    tally: I64 = field(repr=False)
    spoken: I64 = field(repr=False)
    departed: I64 = field(repr=False)
    remaining: I64 = field(repr=False)
