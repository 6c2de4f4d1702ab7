"""What is asked of a run: totals by group and time window, and the day of the peak, made smooth.

A run's series are `series[0, g, t]`, agents of group g infected in step t (those infectious at the start stand in step
0), and `series[1, g, t]`, agents of group g that are infectious in step t.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, final

import numpy as np

from protocols.arithmetic.distributions import F64
from protocols.arithmetic.jit import compile_kernel
from protocols.errors import ParameterError

INFECTED: Final = 0
ILL: Final = 1


class Weights(NamedTuple):
    """Outputs as compiled functions take them.

    Attributes:
        linear: float64[o, kinds, groups, T].
        peak: uint8[o], whether the output is the soft peak day of its linear series, summed over groups.
    """

    linear: F64
    peak: Any


@final
@dataclass(frozen=True, slots=True)
class Output:
    """One number of a run.

    Attributes:
        name: for reports.
        kind: `INFECTED` or `ILL`.
        weight: float64[groups], what an agent of each group counts.
        first, last: the window, steps `first` to `last` - 1.
        peak: not the total but its soft peak, `sum_t t exp(y_t) / sum_t exp(y_t)`, in steps. It depends on how the
            series y is scaled: the larger the weights, the sharper the peak.
    """

    name: str
    kind: int
    weight: tuple[float, ...]
    first: int
    last: int
    peak: bool = False


@final
@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """All outputs of a problem.

    Attributes:
        names: in order.
        weights: as compiled functions take them.
    """

    names: tuple[str, ...]
    weights: Weights = field(repr=False)

    @classmethod
    def of(cls, outputs: tuple[Output, ...], *, groups: int, steps: int) -> "Outputs":
        """Lay the outputs out.

        Raises:
            ParameterError: a window outside the run, or another number of groups.
        """
        linear = np.zeros((len(outputs), 2, groups, steps))
        for row, each in enumerate(outputs):
            if not 0 <= each.first < each.last <= steps or len(each.weight) != groups:
                raise ParameterError(
                    f"output {each.name}: steps {each.first} to {each.last} of {steps}, {len(each.weight)} groups of "
                    f"{groups}; give a window within the run, and a weight for each group"
                )
            linear[row, each.kind, :, each.first : each.last] = np.array(each.weight)[:, None]
        peak = np.array([each.peak for each in outputs], dtype=np.uint8)
        return cls(tuple(each.name for each in outputs), Weights(linear, peak))

    @property
    def count(self) -> int:
        """How many outputs there are."""
        return len(self.names)

    def value(self, series: F64) -> F64:
        """Return the outputs of a run's series, float64[o]."""
        out = np.empty(self.count)
        evaluate(self.weights, np.asarray(series, dtype=np.float64), out)
        return out

    def slope(self, series: F64) -> F64:
        """Return the derivative of each output by the series, float64[o, kinds, groups, T]."""
        linear = self.weights.linear.copy()
        for row in np.flatnonzero(self.weights.peak):
            y = np.einsum("kgt,kgt->t", linear[row], series)
            chance = np.exp(y - y.max())
            chance /= chance.sum()
            step = np.arange(y.size)
            linear[row] *= chance * (step - chance @ step)
        return linear


@compile_kernel
def evaluate(weights: Weights, series: F64, out: F64) -> None:
    """Write the outputs of a run's series, float64[o]."""
    linear, peak = weights
    steps = linear.shape[3]
    y = np.empty(steps)
    for row in range(linear.shape[0]):
        y[:] = 0.0
        for kind in range(linear.shape[1]):
            for group in range(linear.shape[2]):
                for t in range(steps):
                    y[t] += linear[row, kind, group, t] * series[kind, group, t]
        if not peak[row]:
            out[row] = y.sum()
            continue
        top = y.max()
        below, above = 0.0, 0.0
        for t in range(steps):
            chance = np.exp(y[t] - top)
            below += chance
            above += t * chance
        out[row] = above / below
