"""What several methods have forecast of one series, averaged, widened, and held against what came."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.likelihood.series import Series
from client_sdk.private.table import F64
from lpm_secure.evaluation.scores.quantiles import LEVELS, LOW50, LOW90, MEDIAN
from lpm_secure.evaluation.scores.value_scores import log_values, score_values

INTERVALS: Final = ((LOW50, 0.5), (LOW90, 0.9))  # lower ends, and how often they should hold
DISTANCE: Final = np.abs(LEVELS - 0.5)


@final
@dataclass(frozen=True, slots=True, eq=False)
class MemberSeries:
    """What the members have forecast of one series at all origins, and what came; whoever has the series has it.

    Attributes:
        quantiles: float64[members, origins, H, Q].
        least, most: float64[origins, H], bounds of what came; nan where it is missing.
    """

    quantiles: F64 = field(repr=False)
    least: F64 = field(repr=False)
    most: F64 = field(repr=False)

    @classmethod
    def of(cls, series: Series, origins: Sequence[int], quantiles: F64) -> "MemberSeries":
        """Return forecasts beside what came of a series; what is after its end is missing."""
        period = np.array(origins)[:, None] + np.arange(quantiles.shape[2])
        least, most = (
            np.append(each, np.nan)[np.minimum(period, series.periods)] for each in (series.least, series.most)
        )
        return cls(quantiles, least, most)

    def scores(self, past: F64) -> F64:
        """Return float64[groups, 2, members]: each member's natural and log scores over the past, added up."""
        each = score_values(self.quantiles, self.least, self.most)
        return np.stack([np.einsum("goh,moh->gm", past, np.nan_to_num(s)) for s in (each.wis, each.wis_log)], axis=1)

    def average(self, weights: F64, horizons: Sequence[int]) -> "MemberSeries":
        """Return the members' average as one member, by weights, float64[origins, groups, members]."""
        mixed = np.einsum("gh,ogm,mohq->ohq", groups_of(horizons), weights, self.quantiles)
        return MemberSeries(mixed[None], self.least, self.most)

    def hits(self, past: F64, factors: F64) -> F64:
        """Return float64[groups, 1 + 2 F]: how many values have come, and how many each interval has held by width."""
        known = past * ~np.isnan(self.most)
        rows = [known.sum(axis=(1, 2))]
        for place, _ in INTERVALS:
            low, middle, high = (log_values(self.quantiles[0, ..., q]) for q in (place, MEDIAN, -1 - place))
            for factor in factors:
                ends = middle + factor * (low - middle), middle + factor * (high - middle)
                holds = (ends[0] <= log_values(self.most)) & (ends[1] >= log_values(self.least))
                rows.append((known * holds).sum(axis=(1, 2)))
        return np.stack(rows, axis=1)


def widen(quantiles: F64, widths: F64, horizons: Sequence[int]) -> F64:
    """Return quantiles, float64[H, Q], with other widths around the same median.

    Args:
        widths: float64[groups, 2], of the intervals of 50 % and 90 %; other levels lie between or beyond.
        horizons: ends of the groups.
    """
    ends = [DISTANCE[place] for place, _ in INTERVALS]
    factor = np.stack([np.exp(np.interp(DISTANCE, ends, each)) for each in np.log(widths)])
    each = np.einsum("gh,gq->hq", groups_of(horizons), factor)
    middle = log_values(quantiles[:, [MEDIAN]])
    moved = middle + each * (log_values(quantiles) - middle)
    up = np.maximum.accumulate(moved[:, MEDIAN:], axis=1)
    down = np.minimum.accumulate(moved[:, MEDIAN::-1], axis=1)[:, ::-1]
    found = np.expm1(np.concatenate([down[:, :-1], up], axis=1))
    found[:, MEDIAN] = quantiles[:, MEDIAN]
    return np.asarray(np.maximum.accumulate(np.maximum(found, 0.0), axis=1))


def groups_of(horizons: Sequence[int]) -> F64:
    """Return float64[groups, H]: 1 where a period ahead is in a group: up to the first horizon, to the next, and on."""
    ahead, ends = np.arange(1, max(horizons) + 1), np.array(sorted(horizons))
    return np.stack([(ahead > low) & (ahead <= high) for low, high in zip([0, *ends[:-1]], ends, strict=True)]) * 1.0
