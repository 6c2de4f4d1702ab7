"""An institution that adds one vector of its own, whatever is announced, and learns nothing."""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.secure_sum.contribution import F64
from protocols.errors import ParameterError

NO_STATE: Final = np.zeros(0)


@final
@dataclass(frozen=True, slots=True, eq=False)
class FixedVector:
    """See `Institution`.

    Attributes:
        own: the vector. Private.
    """

    own: F64 = field(repr=False)

    @property
    def state(self) -> F64:
        """Return nothing: it learns nothing."""
        return NO_STATE

    def resume(self, state: F64) -> None:
        """Go on from nothing."""

    def require(self, shape: tuple[int, ...]) -> None:
        """Refuse a run of another shape.

        Raises:
            ParameterError: it is of one.
        """
        if self.own.shape != shape:
            raise ParameterError(f"got a vector of shape {self.own.shape}; the run has {shape}")

    def accepts(self, announced: F64) -> bool:
        """Tell whether nothing is announced: there is nothing to answer."""
        return not announced.any()

    def vector(self, announced: F64) -> F64:
        """Return the own vector."""
        return self.own
