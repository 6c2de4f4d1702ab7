"""What is asked of a run: series, weighted and added up over a window, and the step of a peak, made smooth.

A run's series are float64[q, T + 1], of q words; step 0 is the beginning, and step T the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.distributions import F64
from protocols.errors import ParameterError


class SeriesOutput(NamedTuple):
    """One number of a run.

    Attributes:
        name: for reports.
        word: of the series.
        weight: of each step's number.
        first, last: the window, both included.
        peak: not the sum but its soft peak, `sum_t t exp(y_t) / sum_t exp(y_t)`, in steps. It depends on how the series
            y is scaled: the larger the weight, the sharper the peak.
    """

    name: str
    word: str
    weight: float
    first: int
    last: int
    peak: bool = False


@final
@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """All outputs of a problem.

    Attributes:
        names: in order.
        weight: float64[o, q, T + 1].
        peak: bool[o].
    """

    names: tuple[str, ...]
    weight: F64 = field(repr=False)
    peak: npt.NDArray[np.bool_] = field(repr=False)

    @classmethod
    def of(cls, outputs: Sequence[SeriesOutput], words: Sequence[str], *, steps: int) -> Self:
        """Lay outputs out.

        Raises:
            ParameterError: no series is called so, or a window is outside of the run.
        """
        weight = np.zeros((len(outputs), len(words), steps + 1))
        for row, each in enumerate(outputs):
            if each.word not in words:
                raise ParameterError(f"the model has no series {each.word}; it has {', '.join(words) or 'none'}")
            if not 0 <= each.first <= each.last <= steps:
                raise ParameterError(f"{each.name}: steps {each.first} to {each.last} are not within 0 to {steps}")
            weight[row, words.index(each.word), each.first : each.last + 1] = each.weight
        return cls(tuple(each.name for each in outputs), weight, np.array([each.peak for each in outputs], dtype=bool))

    @property
    def count(self) -> int:
        """How many outputs there are."""
        return len(self.names)

    def value(self, series: F64) -> F64:
        """Return the outputs of runs' series, float64[..., o] of float64[..., q, T + 1]."""
        added, share, days = self._added(series)
        value: F64 = np.where(self.peak, (share * days).sum(axis=-1), added.sum(axis=-1))
        return value

    def by_step(self, series: F64) -> F64:
        """Return what each step adds to the outputs, float64[..., o, T + 1]; a soft peak is known at the end only."""
        added = self._added(series)[0]
        added[..., self.peak, :] = 0.0
        added[..., self.peak, -1] = self.value(series)[..., self.peak]
        return added

    def slope(self, series: F64) -> F64:
        """Return the derivative of each output by the series, float64[..., o, q, T + 1]."""
        _, share, days = self._added(series)
        moved = share * (days - (share * days).sum(axis=-1, keepdims=True))
        by_step = np.where(self.peak[:, None], moved, 1.0)
        slope: F64 = by_step[..., None, :] * self.weight
        return slope

    def _added(self, series: F64) -> tuple[F64, F64, F64]:
        """Return weighted series, each step's share in their soft peaks, float64[..., o, T + 1], and the steps."""
        added = np.einsum("oqt,...qt->...ot", self.weight, series)
        raised = np.exp(added - added.max(axis=-1, keepdims=True)) if self.peak.any() else np.ones_like(added)
        return added, raised / raised.sum(axis=-1, keepdims=True), np.arange(self.weight.shape[2], dtype=np.float64)
