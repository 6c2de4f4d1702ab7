"""Every figure of a calibration, as plain values, as CSV tables, and as the lines that end a command."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np

from lpm_secure.calibration.job import CalibrationResult, bands
from lpm_secure.calibration.privacy import ledger
from lpm_secure.report.table import csv_of_rows
from lpm_secure.secure_sum.in_process import InProcessSum
from protocols.releases.query import NOISE, SUM
from protocols.task.release_plan import releases_of

JSON: Final = "calibration.json"
FORECAST, POSTERIOR, SCORES = "calibration.csv", "calibration_posterior.csv", "calibration_scores.csv"
Rows = list[dict[str, Any]]


def spending(result: CalibrationResult) -> dict[str, Any]:
    """Return the ledger of what the fit has released."""
    way, fit = result.config.federation, result.fit
    d = fit.schedule.draws * len(result.study.city.boroughs) * result.study.fitted
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
        "data": result.study.title,
        "config": msgspec.to_builtins(result.config),
        "hospitals": len(result.study.names),
        "weeks_fitted": list(result.study.weeks[: result.study.fitted]),
        "weeks_forecast": list(result.study.weeks[result.study.fitted :]),
        "rounds": fit.round,
        "simulations": fit.simulations,
        "seconds": result.seconds,
        "absences": fit.absences,
        "refusals": fit.refusals,
        "discarded": fit.discarded,
        "ledger": spending(result),
        "scores": result.scores,
        "posterior": posterior_rows(result),
    }


def posterior_rows(result: CalibrationResult) -> Rows:
    """Return a row for each part of theta; contact rates by week, from the lead-in on."""
    rows: Rows = []
    places = {"contact": _weeks(result), "prevalence": list(result.study.city.boroughs)}
    for name, draws in result.forecast.theta.items():
        found = bands(draws)
        for place, label in enumerate(places.get(name, [""])):
            rows.append({"parameter": name, "of": label} | {key: values[place] for key, values in found.items()})
    return rows


def _weeks(result: CalibrationResult) -> list[str]:
    lead = result.fit.simulator.lead
    return [f"{week} weeks before" for week in range(lead, 0, -1)] + list(result.study.weeks)


def forecast_rows(result: CalibrationResult) -> Rows:
    """Return a row for each hospital and week, and for the city's admissions a day: counts and bands."""
    study, rows = result.study, []
    series = {name: (result.forecast.hospitals[name], study.series[place]) for place, name in enumerate(study.names)}
    if study.admissions is not None:
        series["city admissions a day"] = (result.forecast.admissions, study.admissions)
    for name, (draws, truth) in series.items():
        found = bands(draws)
        for week, day in enumerate(study.weeks):
            known = truth[week] if np.isfinite(truth[week]) else None
            row = {"series": name, "week": day, "fitted": week < study.fitted, "count": known}
            rows.append(row | {key: values[week] for key, values in found.items()})
    return rows


def tables(result: CalibrationResult) -> dict[str, bytes]:
    """Return the CSV files, by name."""
    rows = {FORECAST: forecast_rows(result), POSTERIOR: posterior_rows(result), SCORES: result.scores}
    return {name: csv_of_rows(each) for name, each in rows.items()}


def lines_of(result: CalibrationResult, noise: Rows) -> Iterator[str]:
    """Yield what the command prints at its end."""
    fit, told = result.fit, spending(result)
    yield f"data         {result.study.title}"
    yield f"fit          {fit.round} rounds, {fit.simulations:,} simulated epidemics, {result.seconds:.0f} s"
    for name in sorted({*fit.absences, *fit.refusals}):
        refused = fit.refusals.get(name, 0)
        others = fit.absences.get(name, 0) - refused
        yield f"left out     {name}: {refused} rounds for words out of range, {others} for no answer or a search"
    if fit.discarded:
        yield f"thrown away  {fit.discarded} rounds, whose sums were out of range or could not be opened"
    cost = "no noise, no promise"
    if told["epsilon"] is not None:
        cost = f"epsilon {told['epsilon']:.2f}, delta {told['delta']:g}, and again for each new fit to these counts"
    yield f"released     {told['openings']} times {told['release']}: {cost}; unit: {told['unit']}"
    yield from ("", *score_lines(result.scores))
    if noise:
        yield from ("", "the federated fit's forecasts by what a short fit costs; unit: " + told["unit"])
        for row in noise:
            budget = "none" if row["epsilon"] is None else f"{row['epsilon']:g}"
            of = f"{row['of']:22} {row['weeks']:2} weeks"
            worst = f"worst of {row['fits']}: {row['worst_wis']:.1f}"
            yield f"  epsilon {budget:>5}  {of}  WIS {row['wis']:8.1f} ({worst})  90 % held {row['cover90']:5.0%}"


def in_order(rows: Rows) -> Rows:
    """Return hospitals first, then the city, each by horizon."""
    return sorted(rows, key=lambda each: (each["of"] != "hospitals", each["weeks"]))


def score_lines(rows: Rows) -> Iterator[str]:
    """Yield the table of forecasts."""
    yield f"{'forecast of':22} {'weeks':>5}  {'by':26} {'WIS':>8} {'50 % held':>10} {'90 % held':>10} {'counts':>7}"
    for row in in_order(rows):
        yield (
            f"{row['of']:22} {row['weeks']:5}  {row['method']:26} {row['wis']:8.1f} {row['cover50']:10.0%} "
            f"{row['cover90']:10.0%} {row['counts']:7}"
        )
