"""What a hospital's encoder reads: its own series so far, what is censored or missing in it, and its size and place."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from client_sdk.likelihood.counts import CENSORED, HIDDEN_COUNTS
from protocols.errors import ParameterError

F64 = npt.NDArray[np.float64]
MARKS: Final = 4  # features of a week: its level, its growth, whether it is censored, whether it is told at all


@final
@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What epidemics of the prior look like; public, so that hospitals can bring their series to a common scale.

    Attributes:
        mean: float64[B, W], of the log of the inpatients of each borough.
        sd: float64[W], of the same.
    """

    mean: F64
    sd: F64

    def __post_init__(self) -> None:
        """Check."""
        if self.mean.ndim != 2 or self.sd.shape != self.mean.shape[1:]:
            raise ParameterError(f"got shapes {self.mean.shape} and {self.sd.shape}; [B, W] and [W] are needed")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.sd).all() and (self.sd > 0).all()):
            raise ParameterError("a mean is not finite or a spread not positive; publish both for every week")

    @property
    def boroughs(self) -> int:
        """B."""
        return int(self.mean.shape[0])

    @property
    def weeks(self) -> int:
        """W."""
        return int(self.mean.shape[1])

    @property
    def features(self) -> int:
        """Number of features of a hospital."""
        return MARKS * self.weeks + self.boroughs + 1


def features(series: F64, told: npt.NDArray[np.int64], share: F64, reference: Reference) -> F64:
    """Return what the encoder reads.

    Args:
        series: float64[M, W], counts; `CENSORED` for 1 to 3; nan where missing.
        told: int64[M], number of weeks so far; later ones are left out, whatever they hold.
        share: float64[B], prior median of the share of each borough's inpatients that lie here.
        reference: what is usual.

    Returns:
        float64[M, 4 W + B + 1].
    """
    censored = series == CENSORED
    known = ~np.isnan(series) & (np.arange(reference.weeks) < told[:, None])
    counts = np.where(censored, np.mean(HIDDEN_COUNTS), np.where(known, series, 0.0))
    usual = np.log(share @ np.exp(reference.mean))
    log_counts = np.log(counts + 0.5)
    level = np.where(known, (log_counts - usual) / reference.sd, 0.0)
    growth = np.zeros_like(level)
    growth[:, 1:] = np.where(known[:, 1:] & known[:, :-1], np.diff(log_counts, axis=1), 0.0)
    total = share.sum()
    own = np.broadcast_to(np.append(share / total, np.log(total)), (len(series), share.size + 1))
    return np.concatenate([level, growth, censored & known, known, own], axis=1, dtype=np.float64)
