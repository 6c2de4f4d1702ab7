"""What an encoder reads of an institution: its own series so far, what is censored or missing, its size and place."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from protocols.errors import ParameterError

F64 = npt.NDArray[np.float64]
MARKS: Final = 4  # features of a period: its level, its growth, whether it is censored, whether it is told at all


@final
@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What simulations of the prior look like; public, so that institutions can bring their series to a common scale.

    Attributes:
        mean: float64[B, W], of the log of what is expected of each place.
        sd: float64[W], of the same.
    """

    mean: F64
    sd: F64

    def __post_init__(self) -> None:
        """Check."""
        if self.mean.ndim != 2 or self.sd.shape != self.mean.shape[1:]:
            raise ParameterError(f"got shapes {self.mean.shape} and {self.sd.shape}; [B, W] and [W] are needed")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.sd).all() and (self.sd > 0).all()):
            raise ParameterError("a mean is not finite or a spread not positive; publish both for every period")

    @property
    def places(self) -> int:
        """B."""
        return int(self.mean.shape[0])

    @property
    def periods(self) -> int:
        """W."""
        return int(self.mean.shape[1])

    @property
    def features(self) -> int:
        """Number of features of an institution."""
        return MARKS * self.periods + self.places + 1


def features(
    values: F64, censored: npt.NDArray[np.bool_], told: npt.NDArray[np.int64], share: F64, reference: Reference
) -> F64:
    """Return what the encoder reads.

    Args:
        values: float64[M, W], a guess where only bounds are known; nan where missing.
        censored: bool[M, W], where it is a guess.
        told: int64[M], number of periods so far; later ones are left out, whatever they hold.
        share: float64[B], prior median of the share of each place that is seen here.
        reference: what is usual.

    Returns:
        float64[M, 4 W + B + 1].
    """
    known = ~np.isnan(values) & (np.arange(reference.periods) < told[:, None])
    usual = np.log(share @ np.exp(reference.mean))
    log_values = np.log(np.where(known, np.maximum(values, 0.0), 0.0) + 0.5)
    level = np.where(known, (log_values - usual) / reference.sd, 0.0)
    growth = np.zeros_like(level)
    growth[:, 1:] = np.where(known[:, 1:] & known[:, :-1], np.diff(log_values, axis=1), 0.0)
    total = share.sum()
    own = np.broadcast_to(np.append(share / total, np.log(total)), (len(values), share.size + 1))
    return np.concatenate([level, growth, censored & known, known, own], axis=1, dtype=np.float64)
