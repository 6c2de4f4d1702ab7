"""Every figure of a calibration, as plain values, as CSV tables, and as the lines that end a command."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np

from client_sdk.likelihood.series import Series
from lpm_secure.calibration.forecasts.bands import Rows, bands, posterior_rows
from lpm_secure.calibration.forecasts.forecast import EVENTS, INSTITUTIONS
from lpm_secure.calibration.job import CalibrationResult
from lpm_secure.calibration.privacy import ledger
from lpm_secure.report.table import csv_of_rows
from lpm_secure.secure_sum.in_process import InProcessSum
from protocols.releases.query import NOISE, SUM
from protocols.task.release_plan import releases_of

JSON: Final = "calibration.json"
FORECAST, POSTERIOR, SCORES = "calibration.csv", "calibration_posterior.csv", "calibration_scores.csv"


def spending(result: CalibrationResult) -> dict[str, Any]:
    """Return the ledger of what the fit has released."""
    way, fit = result.config.federation, result.fit
    d = fit.schedule.draws * len(result.study.course.places) * result.study.fitted
    sums = fit.sums if isinstance(fit.sums, InProcessSum) else None
    release = None if sums is None else releases_of(sums.manifest).of(SUM)
    noise = release if release is not None and release.mechanism == NOISE else None
    before = fit.round - result.rounds  # rounds of earlier processes, with an opening each at least
    openings = before + (result.rounds if sums is None else sums.openings)
    planned = fit.schedule.rounds if noise is None else noise.times
    sigma = None if noise is None else noise.sigma
    told = ledger(way.contribution, sigma=sigma, openings=openings, planned=planned, delta=way.delta, d=d)
    if sums is None and way.epsilon is not None:  # noise is the aggregators' part there
        told |= {"mechanism": "as the manifest promises; each aggregator's ledger holds it", "epsilon": way.epsilon}
    return told


def figures(result: CalibrationResult) -> dict[str, Any]:
    """Return everything that a reader may want to compare."""
    fit = result.fit
    return {
        "data": result.study.data.title,
        "config": msgspec.to_builtins(result.config),
        "institutions": len(result.study.names),
        "periods_fitted": list(result.study.periods[: result.study.fitted]),
        "periods_forecast": list(result.study.periods[result.study.fitted :]),
        "rounds": fit.round,
        "simulations": fit.simulations,
        "seconds": result.seconds,
        "absences": fit.absences,
        "refusals": fit.refusals,
        "discarded": fit.discarded,
        "ledger": spending(result),
        "scores": result.scores,
        "posterior": posterior_rows(result.forecast.parameters, result.study.course.places, result.study.periods),
    }


def forecast_rows(result: CalibrationResult) -> Rows:
    """Return a row for each institution and period, and for the events in all places: bounds and bands."""
    study, rows, found = result.study, [], result.forecast
    each = zip(study.names, study.data.series, strict=True)
    series = {name: (found.institutions[name], known) for name, known in each}
    if study.data.events_a_day is not None:
        series[EVENTS] = (found.events_a_day, Series.of(study.data.events_a_day))
    for name, (draws, truth) in series.items():
        band, exact = bands(draws), truth.exact
        for period, day in enumerate(study.periods):
            known = float(exact[period]) if np.isfinite(exact[period]) else None
            row = {"series": name, "period": day, "fitted": period < study.fitted, "value": known}
            rows.append(row | {key: values[period] for key, values in band.items()})
    return rows


def tables(result: CalibrationResult) -> dict[str, bytes]:
    """Return the CSV files, by name."""
    rows = {
        FORECAST: forecast_rows(result),
        POSTERIOR: posterior_rows(result.forecast.parameters, result.study.course.places, result.study.periods),
    }
    rows |= {SCORES: result.scores} if result.scores else {}
    return {name: csv_of_rows(each) for name, each in rows.items()}


def lines_of(result: CalibrationResult, noise: Rows) -> Iterator[str]:
    """Yield what the command prints at its end."""
    fit, told = result.fit, spending(result)
    yield f"data         {result.study.data.title}"
    yield f"fit          {fit.round} rounds, {fit.simulations:,} simulated courses, {result.seconds:.0f} s"
    for name in sorted({*fit.absences, *fit.refusals}):
        refused = fit.refusals.get(name, 0)
        others = fit.absences.get(name, 0) - refused
        yield f"left out     {name}: {refused} rounds for words out of range, {others} for no answer or a search"
    if fit.discarded:
        yield f"thrown away  {fit.discarded} rounds, whose sums were out of range or could not be opened"
    cost = "no noise, no promise"
    if told["epsilon"] is not None:
        cost = f"epsilon {told['epsilon']:.2f}, delta {told['delta']:g}, and again for each new fit to these series"
    yield f"released     {told['openings']} times {told['release']}: {cost}; unit: {told['unit']}"
    yield from ("", *(score_lines(result.scores) if result.scores else ["no value is known of what is forecast"]))
    if noise:
        yield from ("", "the federated fit's forecasts by what a short fit costs; unit: " + told["unit"])
        for row in noise:
            budget = "none" if row["epsilon"] is None else f"{row['epsilon']:g}"
            of = f"{row['of']:24} {row['periods']:2} periods"
            worst = f"worst of {row['fits']}: {row['worst_wis']:.1f}"
            yield f"  epsilon {budget:>5}  {of}  WIS {row['wis']:8.1f} ({worst})  90 % held {row['cover90']:5.0%}"


def in_order(rows: Rows) -> Rows:
    """Return institutions first, then events in all places, each by horizon."""
    return sorted(rows, key=lambda each: (each["of"] != INSTITUTIONS, each["periods"]))


def score_lines(rows: Rows) -> Iterator[str]:
    """Yield the table of forecasts."""
    yield f"{'forecast of':24} {'ahead':>5}  {'by':26} {'WIS':>8} {'50 % held':>10} {'90 % held':>10} {'values':>7}"
    for row in in_order(rows):
        yield (
            f"{row['of']:24} {row['periods']:5}  {row['method']:26} {row['wis']:8.1f} {row['cover50']:10.0%} "
            f"{row['cover90']:10.0%} {row['counts']:7}"
        )
