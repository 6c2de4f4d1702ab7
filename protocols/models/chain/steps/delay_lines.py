"""Where the numbers of a chain's states stand: a stay is a delay line, which moves on without a number being moved.

A state that always goes to the next one of its line keeps its row, and what the row means moves on with the step. What
stays for ever keeps row and meaning.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple, final

import numpy as np

from protocols.arithmetic.distributions import F64
from protocols.models.chain.chain import LocalChain
from protocols.models.dual import Dual

MOST_ROWS: Final = 4  # that are computed at once, so that they stay in a processor's cache


class LineRun(NamedTuple):
    """Rows that follow on each other, and by what each is multiplied.

    Attributes:
        base, length: of their line.
        first, width: of them in the line, in a step 0.
        weight: float64[width, 1, 1]; None where all are 1.
        slopes: of a parameter, by its place, float64[width, 1]: how weights move with it.
    """

    base: int
    length: int
    first: int
    width: int
    weight: F64 | None
    slopes: tuple[tuple[int, F64], ...]

    @property
    def plain(self) -> bool:
        """Tell whether it is one row as it is."""
        return self.width == 1 and self.weight is None and not self.slopes

    def shift(self, by: F64) -> "LineRun":
        """Return the run without derivatives, its weights moved on along them by float64[p]."""
        weight = self.weight
        for place, slope in self.slopes:
            weight = (1.0 if weight is None else weight) + slope[..., None] * by[place]
        return self._replace(weight=weight, slopes=())

    def parts(self, step: int) -> Iterator[tuple[slice, slice]]:
        """Yield rows, and which of the run they are: a line goes round."""
        first = (self.first + step) % self.length
        ahead = min(self.width, self.length - first)
        yield slice(self.base + first, self.base + first + ahead), slice(0, ahead)
        if ahead < self.width:
            yield slice(self.base, self.base + self.width - ahead), slice(ahead, self.width)


@final
@dataclass(frozen=True, slots=True)
class DelayLines:
    """The row of each state.

    Attributes:
        of: of each state the first row of its line, the line's length, and its place in the line in step 0.
        left: states whose row is another's after a step, or their own anew.
    """

    of: tuple[tuple[int, int, int], ...]
    left: tuple[int, ...]

    @classmethod
    def of_chain(cls, chain: LocalChain) -> "DelayLines":
        """Find the lines of a chain."""
        follows = _follows(chain)
        before = {target: source for source, target in follows.items() if source != target}
        of: dict[int, tuple[int, int, int]] = {}
        for last in range(len(chain.states)):
            if follows.get(last, last) != last:
                continue
            line = [last]
            while line[-1] in before:
                line.append(before[line[-1]])
            of |= {state: (len(of), len(line), place) for place, state in enumerate(line)}
        return cls(tuple(of[state] for state in range(len(of))), tuple(sorted(set(of) - set(follows))))

    def row(self, state: int, step: int) -> int:
        """Return the row of a state before a step."""
        base, length, place = self.of[state]
        return base + (place + step) % length

    def runs(self, states: Iterable[int], weights: Dual) -> tuple[LineRun, ...]:
        """Return runs of states with their weights, float64[k], and how these move, float64[p, k]."""
        at = sorted((self.of[state], number) for number, state in enumerate(states))
        found = []
        for _, same in groupby(enumerate(at), key=lambda item: (item[1][0][:2], item[1][0][2] - item[0])):
            line = [item for _, item in same]
            for first in range(0, len(line), MOST_ROWS):
                part = line[first : first + MOST_ROWS]
                numbers = [number for _, number in part]
                found.append(_run(part[0][0], weights.value[numbers], weights.tangent[:, numbers]))
        return tuple(found)


def _run(at: tuple[int, int, int], weight: F64, slopes: F64) -> LineRun:
    base, length, first = at
    moving = tuple((place, slopes[place][:, None]) for place in np.flatnonzero(slopes.any(axis=1)).tolist())
    plain = bool((weight == 1.0).all())
    return LineRun(base, length, first, weight.size, None if plain else weight[:, None, None], moving)


def _follows(chain: LocalChain) -> dict[int, int]:
    """Return of each state that always goes to the same one, which is nobody else's, that one."""
    count = np.bincount(chain.source, minlength=len(chain.states))
    bits = np.array([bool(pattern) for pattern in chain.patterns], dtype=np.bool_)[chain.pattern]
    always = (count[chain.source] == 1) & ~bits & (chain.weight.value == 1.0) & ~chain.weight.tangent.any(axis=0)
    pairs = list(zip(chain.source[always].tolist(), chain.target[always].tolist(), strict=True))
    follows = {source: target for source, target in pairs if source == target}
    ends = {state: state for state in range(len(chain.states))}  # of a line's first state the last, and back
    taken = set(follows)
    for source, target in pairs:
        if source in follows or target in taken or ends[target] == source:
            continue
        follows[source] = target
        taken.add(target)
        head, last = ends[source], ends[target]
        ends[head], ends[last] = last, head
    return follows
