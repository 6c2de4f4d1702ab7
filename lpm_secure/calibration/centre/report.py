"""What a calibration's centre shows: posterior, events in all places, what was released, and who was left out."""

from pathlib import Path
from typing import Any, Final

import msgspec

from lpm_secure.calibration.centre.results import CentreResult
from lpm_secure.calibration.figures import score_lines
from lpm_secure.calibration.forecasts.plots import events_plot, posterior_plot
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.summary import REPORT, Summary
from protocols.quantity import quantity
from protocols.report import html
from protocols.report.disclosure import describe_disclosure
from protocols.report.terminal import align
from protocols.task import manifest as manifests
from protocols.task.policy import epsilon_of, rho_of
from protocols.task.secure_sum.spec import SecureSum

JSON: Final = "calibration.json"
LIMITS: Final = (
    "No institution's series is here: each has its own, with bands, at home. The level in all places rests on the "
    "shares of institutions and on priors: their series alone do not tell it."
)
UNKNOWN: Final = "No public value is known of what is forecast."


def summary_of(result: CentreResult, manifest: SecureSum, folder: Path, *, seconds: float, before: int) -> Summary:
    """Return what a calibration yields at its centre, in the form that is written and printed.

    Args:
        result: of the fit.
        manifest: of its sums.
        folder: of the report.
        seconds: that the fit took in this process.
        before: how many sums were in the journal when it began.
    """
    rows = _rows(result, manifest, seconds=seconds, before=before)
    scores = list(score_lines(result.scores)) if result.scores else [UNKNOWN]
    return Summary(
        file=JSON,
        figures=_figures(result, manifest, seconds=seconds, before=before),
        lines=(*align([*rows, ("report", str(folder / REPORT))]), "", *scores),
        tables=result.tables,
        page=Page(f"Calibration {manifest.name}", _parts(result, manifest, rows)),
    )


def _rows(result: CentreResult, manifest: SecureSum, *, seconds: float, before: int) -> list[tuple[str, str]]:
    fit, epsilon = result.fit, result.setting.table.epsilon
    cost = "exact, which no epsilon bounds" if epsilon is None else f"epsilon {epsilon:g} of all that one contributes"
    rows = [
        ("run", manifests.run_id(manifest).hex()),
        ("institutions", f"{len(manifest.clients):,}"),
        ("fit", f"{quantity(fit.round, 'round')}, {quantity(fit.simulations, 'simulated course')}, {seconds:.0f} s"),
        ("rounds of the journal", f"{before:,}"),
        ("released", f"{quantity(fit.round, 'sum')} of {quantity(manifest.length, 'number')}, {cost}"),
        ("sums", result.sha256),
    ]
    for name in sorted({*fit.absences, *fit.refusals}):
        refused = fit.refusals.get(name, 0)
        other = fit.absences.get(name, 0) - refused
        rows.append(("left out", f"{name}: {quantity(refused, 'round')} for words out of range, {other} for no answer"))
    return rows


def _figures(result: CentreResult, manifest: SecureSum, *, seconds: float, before: int) -> dict[str, Any]:
    fit, setting = result.fit, result.setting
    epsilon = epsilon_of(rho_of(manifest), setting.table.delta)
    return {
        "name": manifest.name,
        "run": manifests.run_id(manifest).hex(),
        "institutions": [client.name for client in manifest.clients],
        "periods_fitted": list(setting.periods[: setting.table.fit_periods]),
        "periods_forecast": list(setting.periods[setting.table.fit_periods :]),
        "rounds": fit.round,
        "rounds_of_the_journal": before,
        "simulations": fit.simulations,
        "seconds": seconds,
        "absences": fit.absences,
        "refusals": fit.refusals,
        "discarded": fit.discarded,
        "epsilon": None if setting.table.epsilon is None else epsilon,
        "delta": setting.table.delta,
        "sha256_sums": result.sha256,
        "scores": result.scores,
        "posterior": result.posterior,
        "calibration": msgspec.to_builtins(setting.table),
    }


def _parts(result: CentreResult, manifest: SecureSum, rows: list[tuple[str, str]]) -> list[str | Plot]:
    setting, found = result.setting, result.forecast
    fitted = setting.table.fit_periods
    return [
        html.warning(describe_disclosure(manifest)),
        html.paragraph(LIMITS),
        html.table(rows),
        html.heading("Events in all places"),
        Plot(events_plot(setting.periods, found.events_a_day, setting.events_a_day, fitted=fitted)),
        html.records(result.scores) if result.scores else html.paragraph(UNKNOWN),
        html.heading("Posterior"),
        Plot(posterior_plot(found.parameters, result.fit.course.places, setting.periods)),
    ]
