"""What a manifest says of a calibration: institutions answer published draws with gradients, which are summed.

A run of this kind simulates nobody: its clients are institutions, each counted as one agent. A round of the calibration
is two of the run. In the first, which asks, the engine announces the draws, and clients share zeros, so that all know
who is there. In the second, which answers, they share their gradients, and the sum is opened.
"""

from typing import Annotated, Final, final

import msgspec

from protocols.arithmetic.counters import RoundNumber
from protocols.models import Seir
from protocols.releases.query import Release

TAIL: Final = 2**6  # no sample of the noise is further out than so many sigmas
MAX_BITS: Final = 52  # a float64 has no more
NOBODY: Final = Seir(beta=(0,), cell_beta=0, latent=(2**32,), infectious=(2**32,), initial=0, f=1)
Size = Annotated[int, msgspec.Meta(ge=1, le=2**16)]


@final
class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The size of what travels, and what one institution may add.

    Attributes:
        draws, places, weeks: S, B and W: float64[S, B, W] is announced, and a gradient of that shape is summed.
        clip: L2 norm of one institution's gradient in a round, over all its entries.
        bits: fraction bits of a gradient.
    """

    draws: Size
    places: Size
    weeks: Size
    clip: Annotated[float, msgspec.Meta(gt=0, le=2.0**40)] = 2000.0
    bits: Annotated[int, msgspec.Meta(ge=1, le=MAX_BITS)] = 24

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return S, B, W."""
        return self.draws, self.places, self.weeks

    @property
    def words(self) -> int:
        """Return how many numbers are announced, and summed."""
        return self.draws * self.places * self.weeks

    @property
    def reach(self) -> float:
        """Return the largest L2 norm of one institution's gradient in fixed point, its rounding included."""
        return reach(self.clip, self.bits, self.words)

    def sigma(self, release: Release) -> float:
        """Return the noise of every word in its own units; a release counts it in what one institution can add."""
        return release.sigma * self.reach


def reach(clip: float, bits: int, words: int) -> float:
    """Return the largest norm of a clipped gradient of so many words in fixed point: each is rounded by half a unit."""
    return float(clip * 2.0**bits + 0.5 * words**0.5)


def rounds(steps: int) -> int:
    """Return how many rounds a calibration of so many steps has."""
    return (steps + 1) // 2


def answers(number: RoundNumber) -> bool:
    """Tell whether a round of the run is one in which gradients are summed."""
    return number % 2 == 1
