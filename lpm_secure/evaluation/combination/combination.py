"""One forecast of several: the average of their quantiles, by weights and widths that earlier origins have taught."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, final

import numpy as np

from client_sdk.likelihood.series import Series
from client_sdk.private.table import F64
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.evaluation.combination.member_series import INTERVALS, MemberSeries, groups_of, widen
from lpm_secure.evaluation.config import CombinationConfig
from lpm_secure.evaluation.forecasts import ByOrigin, OriginForecast
from lpm_secure.evaluation.secure_totals import SecureTotals

FACTORS: Final = 33  # of widths that are tried
LEAST_SCORE: Final = 1e-9
Answers = Mapping[str, Callable[[int], F64]]  # of each institution, at an origin
AddUp = Callable[[str, Answers], Mapping[int, F64]]


@final
@dataclass(frozen=True, slots=True)
class Combination:
    """How past scores make weights, and past intervals widths.

    Quantiles are averaged level by level (Vincent), with weights that are past scores, natural and of the logarithm in
    equal parts, to minus a power. The average is then widened or narrowed around its median, on the scale of
    `log(x + 1)`, until its intervals of 50 % and of 90 % would have held as often as they say at past origins
    (split conformal). Both are learned for each group of periods ahead, and shrink to the prior where the past is
    short.

    Attributes:
        config: how much the past says.
        horizons: ends of the groups of periods ahead.
        origins: in order; each has its forecasts.

    Security: of institutions' forecasts it sees, through secure sums, totals of scores and counts of intervals that
        held. Each institution averages and widens its own.
    """

    config: CombinationConfig
    horizons: tuple[int, ...]
    origins: tuple[int, ...]

    def combine(
        self, name: str, members: Mapping[str, ByOrigin], data: InstitutionSeries, totals: SecureTotals
    ) -> ByOrigin:
        """Return the combined forecasts at each origin.

        Args:
            name: of the combination, in the ledger.
            members: forecasts at all origins, by method.
            data: of all periods.
            totals: through which institutions answer.
        """
        prior = np.log([getattr(self.config.prior, member) for member in members])
        stacked = np.stack([np.stack([each[o].institutions for o in self.origins]) for each in members.values()])
        own = {
            key: MemberSeries.of(series, self.origins, stacked[:, :, i])
            for i, (key, series) in enumerate(zip(data.names, data.series, strict=True))
        }
        institutions = self._combined(
            own, prior, lambda what, answers: self._opened(f"{name}: {what}", answers, totals)
        )
        if data.events_a_day is None:
            return {o: OriginForecast(institutions[:, at], None) for at, o in enumerate(self.origins)}
        public = np.array([[each[o].public for o in self.origins] for each in members.values()], dtype=np.float64)
        alone = {name: MemberSeries.of(Series.of(data.events_a_day), self.origins, public)}
        known = self._combined(alone, prior, lambda what, answers: {o: answers[name](o) for o in self.origins})[0]
        return {o: OriginForecast(institutions[:, at], known[at]) for at, o in enumerate(self.origins)}

    def _combined(self, own: Mapping[str, MemberSeries], log_prior: F64, add_up: AddUp) -> F64:
        """Return the combined forecasts of series, float64[series, origins, H, Q], learned from sums over them."""
        sums = {key: partial(self._scores_before, each) for key, each in own.items()}
        scores = add_up("scores so far", sums)
        weights = np.stack([self.weights(scores[o], o, log_prior) for o in self.origins])
        averages = {key: each.average(weights, self.horizons) for key, each in own.items()}
        counts = {key: partial(self._held_before, each) for key, each in averages.items()}
        held = add_up("intervals that held so far", counts)
        widths = [self.widths(held[o], o) for o in self.origins]
        return np.stack(
            [
                [widen(each.quantiles[0, at], width, self.horizons) for at, width in enumerate(widths)]
                for each in averages.values()
            ]
        )

    def _scores_before(self, series: MemberSeries, origin: int) -> F64:
        return series.scores(self.past(origin))

    def _held_before(self, series: MemberSeries, origin: int) -> F64:
        return series.hits(self.past(origin), self.factors)

    def _opened(self, question: str, answers: Answers, totals: SecureTotals) -> dict[int, F64]:
        """Return what institutions' answers add up to, at each origin, in the shape of an answer."""
        shape = next(iter(answers.values()))(self.origins[0]).shape
        flat = {key: lambda o, each=each: each(o).reshape(-1) for key, each in answers.items()}
        opened = totals.open(question, flat, self.origins, length=math.prod(shape))
        return {o: total.reshape(shape) for o, total in opened.items()}

    @property
    def factors(self) -> F64:
        """Return the widths that are tried, float64[FACTORS], from narrow to wide."""
        return np.geomspace(1.0 / self.config.widest, self.config.widest, FACTORS)

    def past(self, origin: int) -> F64:
        """Return float64[groups, origins, H]: 1 where what was forecast is known by now, in the group of its period."""
        ahead = np.arange(1, max(self.horizons) + 1)
        return (np.array(self.origins)[:, None] + ahead <= origin) * groups_of(self.horizons)[:, None]

    def trust(self, origin: int) -> F64:
        """Return float64[groups]: how much the past is worth beside no knowledge, from 0 to 1."""
        seen = self.past(origin).any(axis=-1).sum(axis=-1)
        return np.asarray(seen / np.maximum(seen + self.config.prior_origins, LEAST_SCORE))

    def weights(self, totals: F64, origin: int, log_prior: F64) -> F64:
        """Return float64[groups, members], summing to 1, from totals of both scores, float64[groups, 2, members]."""
        log_score = np.log(np.maximum(totals, LEAST_SCORE)).mean(axis=1)
        log_weight = log_prior - self.config.power * self.trust(origin)[:, None] * log_score
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))

    def widths(self, counts: F64, origin: int) -> F64:
        """Return float64[groups, 2], factors of the intervals of 50 % and 90 %, from `MemberSeries.hits`."""
        found, log_factors = np.zeros((len(counts), len(INTERVALS))), np.log(self.factors)
        for group, row in enumerate(counts):
            if row[0] < 1:
                continue
            shares = np.maximum.accumulate(row[1:].reshape(len(INTERVALS), FACTORS) / row[0], axis=1)
            for place, (_, nominal) in enumerate(INTERVALS):
                found[group, place] = log_factors[min(int((shares[place] < nominal).sum()), FACTORS - 1)]
        return np.asarray(np.exp(found * self.trust(origin)[:, None]))
