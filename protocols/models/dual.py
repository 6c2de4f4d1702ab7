"""Values with their tangents: forward-mode derivatives by the same lines that compute values."""

from dataclasses import dataclass
from typing import final

from protocols.models.state import Array


@final
@dataclass(frozen=True, slots=True, eq=False)
class Dual:
    """A value and its derivatives by p parameters.

    Only additions and multiplications are used, each rounded once, so that values and tangents have the same bits on
    every machine and in every layout.

    Attributes:
        value: float64[n], or float64[1] for a parameter.
        tangent: float64[p, n], or float64[p, 1].
    """

    value: Array
    tangent: Array

    __array_ufunc__ = None  # so that numpy leaves `array * dual` to this class

    def __add__(self, other: "Number") -> "Dual":
        """Return the sum."""
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.tangent + other.tangent)
        return Dual(self.value + other, self.tangent)

    def __mul__(self, other: "Number") -> "Dual":
        """Return the product."""
        if isinstance(other, Dual):
            return Dual(self.value * other.value, self.tangent * other.value + other.tangent * self.value)
        return Dual(self.value * other, self.tangent * other)

    def __neg__(self) -> "Dual":
        """Return the negative."""
        return Dual(-self.value, -self.tangent)

    def __sub__(self, other: "Number") -> "Dual":
        """Return the difference."""
        if isinstance(other, Dual):
            return Dual(self.value - other.value, self.tangent - other.tangent)
        return Dual(self.value - other, self.tangent)

    def __rsub__(self, other: "Number") -> "Dual":
        """Return the difference from a value without tangents."""
        return -self + other

    def __rtruediv__(self, other: "Number") -> "Dual":
        """Return a quotient of a value without tangents."""
        value = other / self.value
        return Dual(value, self.tangent * (-value / self.value))

    __radd__ = __add__
    __rmul__ = __mul__


Number = Dual | Array | float  # what the relaxed dynamics computes with
