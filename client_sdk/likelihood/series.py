"""The series of one institution: each period's value is known, known to lie between two bounds, or missing."""

from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from protocols.errors import DataError

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A series of W periods.

    Attributes:
        least: float64[W], smallest possible value; -inf where none is known, nan where missing.
        most: float64[W], largest possible value; the smallest one too where the value is known.
    """

    least: F64 = field(repr=False)
    most: F64 = field(repr=False)

    def __post_init__(self) -> None:
        """Check that bounds are in order."""
        inside = (self.least <= self.most) & np.isfinite(self.most)
        wrong = ~(inside | (np.isnan(self.least) & np.isnan(self.most)))
        if self.least.shape != self.most.shape or self.least.ndim != 1:
            raise DataError("a series needs two bounds for each period; give as many of both")
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0]) + 1
            raise DataError(f"period {row} has bounds out of order; give the smaller one first", row=row)

    @classmethod
    def of(cls, values: F64) -> "Series":
        """Return a series of values that are known, nan where missing."""
        return cls(values, values)

    @property
    def periods(self) -> int:
        """W."""
        return self.most.size

    @property
    def known(self) -> Mask:
        """bool[W]: which periods say anything."""
        return ~np.isnan(self.most)

    @property
    def censored(self) -> Mask:
        """bool[W]: in which periods only bounds are known."""
        return self.least < self.most

    @property
    def exact(self) -> F64:
        """float64[W]: the values, nan where only bounds are known, or nothing."""
        return np.where(self.censored, np.nan, self.most)

    @property
    def guess(self) -> F64:
        """float64[W]: the values; between the bounds where only they are known, and nan where missing.

        Where there is no lower bound, 0 stands for it.
        """
        return (np.maximum(self.least, np.minimum(self.most, 0.0)) + self.most) / 2

    def first(self, periods: int) -> "Series":
        """Return the first periods alone."""
        return Series(self.least[:periods], self.most[:periods])
