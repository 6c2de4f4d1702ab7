"""`lpm assimilate`: a finished calibration goes on, period by period, each time from where it was."""

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.job import CHECKPOINT, load_fit
from lpm_secure.calibration.transports import sums_of
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.evaluation.forecasts import ByOrigin, OriginForecast
from lpm_secure.evaluation.model_fits import DRAWS, FitFacts, ModelFits, OriginFit
from lpm_secure.evaluation.origins import count_periods, reach
from lpm_secure.evaluation.scores.value_scores import score_values
from protocols.errors import ConfigError, DataError, ParameterError

FOLLOWED, REFITTED = "periods", "refits"  # folders of fits
AHEAD: Final = 8
MOST: Final = 1040  # periods after those of a calibration
WIS: Final = ("wis", "public_wis")  # weighted interval scores, of institutions and of events in all places
OnRound = Callable[[int, int, str], None]  # rounds that are over, of how many, and where
Rows = list[dict[str, Any]]


@final
@dataclass(frozen=True, slots=True, eq=False)
class AssimilationResult:
    """A calibration that has followed new periods.

    Attributes:
        config: of the calibration.
        data: of all periods, those that are forecast too.
        forecasts, facts: by the number of periods that were known.
        refits: forecasts of fits from the prior, where they were asked for.
        rows: a row for each period: rounds, institutions that reported, and scores of what has come since.
    """

    config: CalibrationConfig
    data: InstitutionSeries = field(repr=False)
    forecasts: ByOrigin = field(repr=False)
    facts: dict[int, FitFacts]
    refits: ByOrigin = field(repr=False)
    rows: Rows

    def ratio(self, score: str) -> float | None:
        """Return the geometric mean of scores of what followed, over those of refits at the same periods.

        Args:
            score: one of `WIS`.
        """
        pairs = [(row[score], row[f"{score}_refit"]) for row in self.rows if row[score] and row[f"{score}_refit"]]
        return math.exp(np.mean([math.log(own / refit) for own, refit in pairs])) if pairs else None


def assimilate(
    config: CalibrationConfig,
    calibrated: Path,
    folder: Path,
    *,
    until: int | None = None,
    ahead: int = AHEAD,
    refit_every: int | None = None,
    on_round: OnRound = lambda done, total, where: None,
) -> AssimilationResult:
    """Let the posterior of a finished calibration follow the periods that have come since.

    Each period is a fit of `[assimilation]`'s few rounds, which begins where the one before has ended, at the
    institutions too, and is kept whole: what is there already is not made again.

    Args:
        config: of the calibration, whose series have grown.
        calibrated: the folder of the calibration.
        folder: for the fits of periods.
        until: how many periods are known by the last one; unless given the last of which something is known: of your
            own tables, or of the configuration's periods but the last of a data set of the catalogue or made-up ones.
        ahead: periods that are forecast each time, where there are so many.
        refit_every: fit every so many-th period from the prior too, to compare.
        on_round: is told after each round.

    Raises:
        ConfigError: nothing has come since, fewer periods are there, or sums have noise.
        ParameterError: there is no finished fit of this configuration.
        DataError: a table cannot be used.
        ProtocolError: a fit cannot go on.
    """
    if config.federation.epsilon is not None:
        raise ConfigError(
            "got federation.epsilon, and what periods that are followed, or fitted once more, cost together is not "
            "counted; assimilate without noise, or calibrate anew"
        )
    before = _calibrated(config, calibrated)
    first = config.data.fit_periods
    data = _series(config, until, ahead)
    most = min(count_periods(data), data.calendar.count - 1)
    if most <= first:
        raise ConfigError(f"the calibration is of {first} periods, and {most} are known; add rows of later ones")
    last = most if until is None else until
    if not first < last <= most:
        raise ConfigError(
            f"got --until {last}; the calibration is of {first} periods, so give {first + 1} to {most}, the last that "
            "can be followed"
        )
    followed = list(range(first + 1, last + 1))
    refitted = followed[refit_every - 1 :: refit_every] if refit_every else []
    short, long = config.assimilation.rounds, config.fit.rounds
    total = short * len(followed) + long * len(refitted)

    def fits(name: str, done: int, rounds: int, periods: list[int]) -> ModelFits:
        told = {each: done + rounds * place for place, each in enumerate(periods)}
        return ModelFits(
            config,
            config.assimilation,
            ahead,
            data,
            folder / name,
            lambda period, round_: on_round(told[period] + round_, total, f"period {period}"),
            sums_of,
        )

    found, facts = fits(FOLLOWED, 0, short, followed).run(((each, False) for each in followed), before)
    refits, _ = fits(REFITTED, short * len(followed), long, refitted).run((each, True) for each in refitted)
    return AssimilationResult(config, data, found, facts, refits, _rows(data, found, facts, refits))


def _calibrated(config: CalibrationConfig, folder: Path) -> OriginFit:
    """Return the calibration's own fit, as what follows needs it."""
    if not (folder / CHECKPOINT).exists():
        raise ParameterError(f"{folder} has no calibration to go on from; begin with lpm calibrate")
    study = config.study()
    try:
        fit, institutions = load_fit(config, study, folder)
    except (ParameterError, DataError) as error:
        raise ParameterError(
            f"{folder} has a fit of another configuration, of other institutions or places, or of series whose first "
            f"{study.fitted} periods were others; leave these as they were, or calibrate anew"
        ) from error
    if fit.round < config.fit.rounds:
        raise ParameterError(
            f"{folder / CHECKPOINT} has {fit.round} of {config.fit.rounds} rounds; end it: "
            "lpm calibrate CONFIG --resume"
        )
    nothing = OriginForecast(np.zeros(0), None)
    facts = FitFacts(rounds=fit.round, numbers=0)
    z = fit.draws(DRAWS, seed=config.seed)
    owner = hashlib.sha256(study.identity.encode() + z.numpy().tobytes()).hexdigest()
    return OriginFit(owner, study.course, z, institutions, nothing, facts)


def _series(config: CalibrationConfig, until: int | None, ahead: int) -> InstitutionSeries:
    """Return the series of all periods that are needed; your own tables go on after the configuration's periods."""
    first, count = config.data.fit_periods, config.data.count
    if config.data.series is not None:
        count = first + MOST
    elif config.data.simulated is None:
        count = max(count, (until or 0) + ahead)
    return reach(config, first, count - first).study().data


def _rows(data: InstitutionSeries, found: ByOrigin, facts: dict[int, FitFacts], refits: ByOrigin) -> Rows:
    rows: Rows = []
    for periods, forecast in found.items():
        row = {"period": periods, "first_day": data.calendar.first_day(periods - 1).isoformat()}
        row |= {"reports": sum(bool(each.known[periods - 1]) for each in data.series), "rounds": facts[periods].rounds}
        row |= {"score_periods": forecast.institutions.shape[1]} | _scores(data, forecast, periods)
        refit = _scores(data, refits[periods], periods) if periods in refits else {}
        rows.append(row | {f"{name}_refit": refit.get(name) for name in WIS})
    return rows


def _scores(data: InstitutionSeries, forecast: OriginForecast, periods: int) -> dict[str, float | None]:
    """Return means over institutions and the periods of which something has come; None where nothing has."""
    later = slice(periods, periods + forecast.institutions.shape[1])
    least, most = (np.stack([getattr(each, name)[later] for each in data.series]) for name in ("least", "most"))
    scores = score_values(forecast.institutions, least, most)
    found = {name: _mean(getattr(scores, name).ravel()) for name in ("wis", "wis_log", "held50", "held90")}
    if forecast.public is None or data.events_a_day is None:
        return found | {"public_wis": None}
    came = data.events_a_day[later]
    return found | {"public_wis": _mean(score_values(forecast.public, came, came).wis)}


def _mean(values: Iterable[float]) -> float | None:
    known = [each for each in values if not math.isnan(each)]
    return float(np.mean(known)) if known else None
