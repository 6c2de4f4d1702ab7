"""Which origins are evaluated, by how many institutions report, and the study that stands at each of them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import msgspec
import numpy as np

from client_sdk.likelihood.series_file import Periods
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.study import Study
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.evaluation.config import HALVES, EvaluationConfig, Half
from protocols.errors import ConfigError, DataError


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
        ConfigError: none of them is given or scored, or nothing is known after those that are.
    """
    if config.origins.judged is None and "tuning" not in halves:
        raise ConfigError("the half judged is asked for, and origins.judged is not given; give it, or ask for tuning")
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
    end = count_periods(data)
    if not any(each.scored and each.periods < end for each in found):
        raise ConfigError(
            f"no origin is scored, as the last value is of period {end}, and origins end there or after it; "
            "let origins be earlier"
        )
    return found


def count_periods(data: InstitutionSeries) -> int:
    """Return how many periods there are until the last one of which something is known."""
    known = [each.known for each in data.series]
    if data.events_a_day is not None:
        known.append(np.isfinite(data.events_a_day))
    return int(np.flatnonzero(np.any(known, axis=0))[-1]) + 1


def read_series(config: EvaluationConfig, calibration: CalibrationConfig) -> InstitutionSeries:
    """Return all periods that the evaluation needs.

    Raises:
        ConfigError, DataError: they cannot be had, or a value is below 0.
    """
    last = (config.origins.judged or config.origins.tuning)[1]
    data = reach(calibration, last, config.ahead).study().data
    require_from_zero(data)
    return data


def require_from_zero(data: InstitutionSeries) -> None:
    """Refuse series that baselines and scores, which are of values of at least 0, cannot take.

    Raises:
        DataError: one has a value below 0; with its day.
    """
    for label, each in zip(data.labels, data.series, strict=True):
        below = np.flatnonzero((each.most < 0) | (np.isfinite(each.least) & (each.least < 0)))
        if below.size:
            raise DataError(
                f"{data.title}: institution {label!r} has a value below 0, {data.calendar.first_day(int(below[0]))}; "
                "an evaluation takes values of at least 0, so shift the series, or evaluate others"
            )


def study_of(calibration: CalibrationConfig, data: InstitutionSeries, periods: int, ahead: int) -> Study:
    """Return the study at an origin: what is known by then is fitted, and the next periods are forecast."""
    study = reach(calibration, periods, ahead).study()
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


def reach(calibration: CalibrationConfig, periods: int, ahead: int) -> CalibrationConfig:
    """Return a calibration of so many periods, and of the next ones as a forecast."""
    data = msgspec.structs.replace(calibration.data, fit_periods=periods, forecast_periods=ahead)
    return msgspec.structs.replace(calibration, data=data)
