"""What takes part in a secure sum: an institution that answers what is announced with a vector of its own."""

from typing import Protocol

from client_sdk.secure_sum.contribution import F64


class Institution(Protocol):
    """Holds private data, and may learn as rounds go by.

    Security: nothing leaves but `vector`, which its client clips, encodes and shares.
    """

    @property
    def state(self) -> F64:
        """Return what it has learnt, float64[m]: private, and kept by its client."""

    def resume(self, state: F64) -> None:
        """Go on from what `state` was; ParameterError if it is of another institution."""

    def require(self, shape: tuple[int, ...]) -> None:
        """Refuse a run whose vectors have another shape than this institution's; ParameterError if they do."""

    def accepts(self, announced: F64) -> bool:
        """Tell whether numbers can be what an honest centre announces; if not, the round is sat out."""

    def vector(self, announced: F64) -> F64:
        """Learn from what is announced, and return the own vector, of the same shape."""
