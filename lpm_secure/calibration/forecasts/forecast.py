"""Forecasts of a fit beside those of baselines, and the table that compares them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import msgspec
import numpy as np
import torch

from client_sdk.likelihood.forecast import predict
from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.private.table import F64
from lpm_secure.calibration.forecasts import baselines
from lpm_secure.calibration.forecasts.scores import score
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.inference.public_stream import PublicStream
from lpm_secure.calibration.study import Study
from lpm_secure.models.courses.expected_course import CourseParameter, ExpectedCourse

DRAWS: Final = 1000
HORIZONS: Final = (4, 8)
RECENT: Final = 6
MOST: Final = 1e6  # events a day; noise can drive draws to where no course is
OURS: Final = "federated fit"
INSTITUTIONS, EVENTS = "institutions", "events a day, all places"
Baseline = Callable[[F64, int, int, np.random.Generator], F64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Draws for all periods, fitted and kept back.

    Attributes:
        institutions: name to float64[S, periods], own values.
        events_a_day: float64[S, periods], over all places.
        parameters: of the course.
    """

    institutions: dict[str, F64] = field(repr=False)
    events_a_day: F64 = field(repr=False)
    parameters: Sequence[CourseParameter] = field(repr=False)


def forecast(
    fit: Fit, study: Study, institutions: dict[str, SeriesInstitution], *, seed: int, draws: int = DRAWS
) -> Forecast:
    """Return what the posterior says of every period; each institution adds what it knows of itself."""
    z, generator = fit.draws(draws, seed=seed), torch.Generator().manual_seed(seed)
    longer = fit.course.lengthen(len(study.periods))
    return predict_all(longer, fit.course.extend(z, longer, generator), institutions, seed=seed, stream=fit.stream)


def predict_all(
    course: ExpectedCourse,
    z: torch.Tensor,
    institutions: dict[str, SeriesInstitution],
    *,
    seed: int,
    stream: PublicStream | None = None,
) -> Forecast:
    """Return what draws of z, float64[S, p], say of every period of a course.

    Events are expected ones, or where their series is fitted, values of it.
    """
    log_expected = course.log_mean(z).numpy()
    own = {
        name: predict(institution, log_expected, np.random.default_rng([seed, place]))
        for place, (name, institution) in enumerate(institutions.items())
    }
    events = torch.nan_to_num(course.events_a_day(z)).clamp(0.0, MOST)
    parts = [CourseParameter(each.name, torch.nan_to_num(each.values), each.axis) for each in course.parameters(z)]
    values = events.numpy() if stream is None else np.minimum(stream.predict(events, seed=seed), MOST)
    return Forecast(own, values, parts)


def recent_trend(series: F64, ahead: int, count: int, rng: np.random.Generator) -> F64:
    """Return draws of `baselines.trend` on the last periods alone."""
    return baselines.trend(series[-RECENT:], ahead, count, rng)


BASELINES: Final[dict[str, Baseline]] = {
    "persistence": baselines.persistence,
    "own trend, all periods": baselines.trend,
    f"own trend, last {RECENT} periods": recent_trend,
}


def table(study: Study, found: Forecast, *, seed: int) -> list[dict[str, Any]]:
    """Return a row for each method and horizon: scores over all institutions, and over events in all places.

    There is none where no value is known after the fitted periods, as in a forecast of what is to come.
    Baselines of the events see that series itself up to the last fitted period; the fit sees it where it is a stream.
    """
    w, count = study.fitted, next(iter(found.institutions.values())).shape[0]
    known, days = study.data.events_a_day, study.data.calendar.days
    methods: dict[str, tuple[F64, F64 | None]] = {}
    ours = np.stack([found.institutions[name][:, w:] for name in study.names], axis=1)
    methods[OURS] = (ours, found.events_a_day[:, w:])
    guesses, truth = (np.stack([getattr(each, name) for each in study.data.series]) for name in ("guess", "exact"))
    for name, method in BASELINES.items():
        rng = np.random.default_rng(seed)
        own = np.stack([method(series[:w], study.ahead, count, rng) for series in guesses], axis=1)
        events = None if known is None else method(known[:w] * days, study.ahead, count, rng) / days
        methods[name] = (own, events)
    rows = []
    for horizon in sorted({min(horizon, study.ahead) for horizon in HORIZONS}):
        later = slice(w, w + horizon)
        for name, (own, events) in methods.items():
            row = {"method": name, "periods": horizon, "of": INSTITUTIONS}
            rows.append(row | msgspec.to_builtins(score(own[..., :horizon], truth[:, later])))
            if events is not None and known is not None:
                row = {"method": name, "periods": horizon, "of": EVENTS}
                rows.append(row | msgspec.to_builtins(score(events[:, :horizon], known[later])))
    return [row for row in rows if row["counts"]]
