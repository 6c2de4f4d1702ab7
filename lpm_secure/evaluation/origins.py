"""Which origins are evaluated, by how many institutions report, and the study that stands at each of them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import msgspec

from client_sdk.likelihood.series_file import Periods
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.study import Study
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.evaluation.config import HALVES, EvaluationConfig, Half
from protocols.errors import ConfigError


@final
@dataclass(frozen=True, slots=True)
class Origin:
    """A point in time that forecasts are made at.

    Attributes:
        periods: how many are known by then.
        half: which part of the evaluation it belongs to.
        reports: institutions of which the last known period is known.
        scored: whether these are enough.
        anew: whether the fit begins at the prior.
    """

    periods: int
    half: Half
    reports: int
    scored: bool
    anew: bool


def origins_of(config: EvaluationConfig, data: InstitutionSeries, halves: Sequence[Half] = HALVES) -> list[Origin]:
    """Return the origins of these halves.

    Raises:
        ConfigError: none of them is scored.
    """
    found = []
    for half, span in zip(HALVES, (config.origins.tuning, config.origins.judged), strict=True):
        if span is None or half not in halves:
            continue
        scored = 0
        for periods in range(span[0], span[1] + 1):
            reports = sum(bool(each.known[periods - 1]) for each in data.series)
            enough = reports >= config.origins.least_institutions
            anew = enough and scored % config.origins.anew_every == 0
            scored += enough
            found.append(Origin(periods, half, reports, enough, anew))
    if not any(each.scored for each in found):
        raise ConfigError(
            f"no origin has {config.origins.least_institutions} institutions that report its last period, of "
            f"{len(data.names)}; lower origins.least_institutions, or evaluate others"
        )
    return found


def read_series(config: EvaluationConfig, calibration: CalibrationConfig) -> InstitutionSeries:
    """Return all periods that the evaluation needs.

    Raises:
        ConfigError, DataError: they cannot be had.
    """
    last = (config.origins.judged or config.origins.tuning)[1]
    return _reaching(calibration, last, config.ahead).study().data


def study_of(calibration: CalibrationConfig, data: InstitutionSeries, periods: int, ahead: int) -> Study:
    """Return the study at an origin: what is known by then is fitted, and the next periods are forecast."""
    study = _reaching(calibration, periods, ahead).study()
    return dataclasses.replace(study, data=first_periods(data, periods + ahead))


def first_periods(data: InstitutionSeries, count: int) -> InstitutionSeries:
    """Return the first periods alone."""
    calendar, public = data.calendar, data.events_a_day
    return dataclasses.replace(
        data,
        calendar=Periods(calendar.start, calendar.days, count),
        series=tuple(each.first(count) for each in data.series),
        events_a_day=None if public is None else public[:count],
    )


def _reaching(calibration: CalibrationConfig, periods: int, ahead: int) -> CalibrationConfig:
    data = msgspec.structs.replace(calibration.data, fit_periods=periods, forecast_periods=ahead)
    return msgspec.structs.replace(calibration, data=data)
