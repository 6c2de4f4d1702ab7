"""Units of parameters: how a value that a person writes becomes an integer of a model's graph."""

import math
from dataclasses import dataclass
from typing import Final, Literal, final

from lpm_secure.models.symbols import refuse
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import to_fixed
from protocols.errors import ParameterError


@final
@dataclass(frozen=True)
class Unit:
    """How a parameter's value becomes an integer.

    Attributes:
        name: of the unit, in a graph.
        bits, high: fraction bits, and the greatest integer.
    """

    name: Literal["number", "probability", "rate", "law"]
    bits: int = 0
    high: int = 2**62

    def integer(self, value: float, name: str) -> int:
        """Return the integer of a value.

        Raises:
            ParameterError: not finite, negative, too large, not whole where it has no fraction bits, or so small that
                it would round to zero.
        """
        if not self.bits and math.isfinite(value) and value != math.floor(value):
            raise ParameterError(f"{name} is {value:g}; it is a whole number: use another unit for fractions")
        fixed = to_fixed(value, f=self.bits, name=name)
        if fixed > self.high:
            raise ParameterError(f"{name} is {value:g}; it is a {self.name} of at most {self.high / 2**self.bits:g}")
        return fixed


NUMBER: Final = Unit("number")
PROBABILITY: Final = Unit("probability", 32, LAW_TOTAL)
LAW: Final = Unit("law", 32, LAW_TOTAL)


def rate(bits: int = 40) -> Unit:
    """Return the unit of a hazard per step and unit of exposure, in fixed point with so many fraction bits.

    Raises:
        ModelError: not 1 to 56 bits.
    """
    if not 1 <= bits <= 56:
        refuse(f"a rate has 1 to 56 fraction bits, not {bits}")
    return Unit("rate", bits, 2**56)
