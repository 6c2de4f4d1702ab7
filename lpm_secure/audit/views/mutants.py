"""A sound sharing of two whose masks can be broken, and the ways in which they are: what an audit must catch."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing import Sharing
from protocols.arithmetic.sharing.additive import keystream
from protocols.errors import ParameterError

STRIDE: Final = 3  # less than the words of any vector of five agents


@dataclass(frozen=True)
class MaskSharing(Sharing):
    """A sound sharing of two, of which one line can be broken: its masks."""

    k: int = 2

    def keys(self) -> tuple[bytes, ...]:
        """Refuse: keys are chosen by whoever compares worlds."""
        raise ParameterError("this sharing is for audits and draws no keys; use Additive")

    def split(self, x: U64, keys: tuple[bytes, ...], *, round_number: RoundNumber) -> U64:
        """Return x less the mask."""
        return x - self.mask(keys[0], round_number, x.size)

    def expand(self, key: bytes, *, round_number: RoundNumber, out: U64) -> None:
        """Add the mask."""
        out += self.mask(key, round_number, out.size)

    def mask(self, key: bytes, round_number: RoundNumber, d: int) -> U64:
        """Return uint64[d], the masks of a round."""
        masks = np.zeros(d, dtype=np.uint64)
        keystream(key, nonce=round_number, out=masks)
        return masks


class ReusesMasks(MaskSharing):
    """Forgets the step."""

    def mask(self, key: bytes, round_number: RoundNumber, d: int) -> U64:
        """Return the first round's."""
        return super().mask(key, RoundNumber(0), d)


class OverlapsMasks(MaskSharing):
    """Begins each round's masks three words after the last one's, so that two rounds of any model share some."""

    def mask(self, key: bytes, round_number: RoundNumber, d: int) -> U64:
        """Return words from the STRIDE round_number-th on."""
        return super().mask(key, RoundNumber(0), STRIDE * round_number + d)[STRIDE * round_number :]


class MasksHalf(MaskSharing):
    """Masks 32 bits of 64."""

    def mask(self, key: bytes, round_number: RoundNumber, d: int) -> U64:
        """Return the low halves."""
        return super().mask(key, round_number, d) & np.uint64(2**32 - 1)


class MasksWithFloats(MaskSharing):
    """Draws masks as floats in [0, 1) and scales them: the highest 53 bits are sound, and the others always 0."""

    def mask(self, key: bytes, round_number: RoundNumber, d: int) -> U64:
        """Return 53 random bits each."""
        return (_unit(super().mask(key, round_number, d)) * 2.0**64).astype(np.uint64)


class MasksWithNormals(MaskSharing):
    """Draws masks as normal floats of standard deviation 2**61 and rounds them."""

    def mask(self, key: bytes, round_number: RoundNumber, d: int) -> U64:
        """Return normal numbers."""
        normal = special.ndtri(np.maximum(_unit(super().mask(key, round_number, d)), 1e-4))
        masks: U64 = np.rint(np.clip(normal, -3.9, 3.9) * 2.0**61).astype(np.int64).view(np.uint64)
        return masks


def _unit(words: U64) -> npt.NDArray[Any]:
    """Return floats in [0, 1), each a multiple of 2**-53."""
    floats: npt.NDArray[Any] = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return floats


BROKEN: Final[tuple[MaskSharing, ...]] = (
    ReusesMasks(),
    OverlapsMasks(),
    MasksHalf(),
    MasksWithFloats(),
    MasksWithNormals(),
)
