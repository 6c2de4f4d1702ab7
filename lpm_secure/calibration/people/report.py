"""What a fit through private agents shows: the posterior, what was observed beside what is expected, and parity."""

from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import plotly.graph_objects as go

from lpm_secure.calibration.people.job import PeopleResult, intervals
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.report.table import csv_of_rows
from protocols.quantity import quantity
from protocols.report import html
from protocols.report.terminal import align

JSON: Final = "calibration.json"
POSTERIOR, COURSE = "calibration_posterior.csv", "calibration.csv"
LIMITS: Final = (
    "A testbed on one machine plays all parties. Expected numbers are of relaxed runs, which take states of neighbours "
    "to be independent; replicates, discrete runs at the fit's end, correct that to first order. Every run releases "
    "sums over all clients: the exact ones have no epsilon."
)
PARITY: Final = {
    True: "identical: every round's numbers are the clear run's",
    False: "DIFFERENT in a round",
    None: "not compared",
}


def summary_of(result: PeopleResult, folder: Path) -> Summary:
    """Return what a fit yields, in the form that is written into its folder and printed."""
    rows = _posterior(result)
    fit, asked = result.calibration.fit, result.calibration
    facts = [
        ("runs", f"{quantity(len(result.rounds), 'round')}, {quantity(fit.replicates, 'replicate')}"),
        ("converged", "yes" if result.converged else f"no: raise fit.rounds, {fit.rounds}"),
        ("parity", PARITY[result.parity]),
        *([("privacy", _privacy(result))] if asked.noise else []),
        *((row["parameter"], f"{row['median']:.4g} ({row['q05']:.4g} to {row['q95']:.4g})") for row in rows),
    ]
    course = [
        {"step": step + 1, "value": None if np.isnan(value) else value, "expected": mean}
        for step, (value, mean) in enumerate(zip(asked.observed.tolist(), result.mean.tolist(), strict=True))
    ]
    return Summary(
        file=JSON,
        figures={
            "name": asked.run.name,
            "rounds": len(result.rounds),
            "replicates": fit.replicates,
            "converged": result.converged,
            "parity": result.parity,
            "epsilon": result.epsilon,
            "delta": asked.noise and asked.noise.delta,
            "dispersion": result.best.dispersion,
            "posterior": rows,
            "config": msgspec.to_builtins(asked.run),
            "fit": msgspec.to_builtins(fit),
        },
        lines=align([*facts, ("report", str(folder / REPORT))]),
        tables={POSTERIOR: csv_of_rows(rows), COURSE: csv_of_rows(course)},
        page=Page(
            f"Fit {asked.run.name}",
            [
                html.warning(LIMITS),
                html.table(facts),
                html.heading("Posterior"),
                html.records(rows),
                Plot(_plot(result)),
            ],
        ),
        passed=result.parity is not False,
    )


def _privacy(result: PeopleResult) -> str:
    """Say what all runs cost together."""
    noise = result.calibration.noise
    given = f"epsilon {result.epsilon:.4g} at delta {noise.delta:g}" if noise and result.epsilon else "none"
    return f"{given}, all runs together, for all that one agent adds to departures, cells and derivatives by them"


def _posterior(result: PeopleResult) -> list[dict[str, Any]]:
    """Return a row for each parameter, with its prior."""
    priors = result.calibration.fit.priors
    return [
        {
            "parameter": name,
            "median": median,
            "q05": low,
            "q95": high,
            "prior_median": priors[name].median,
            "prior_sd": priors[name].sd,
        }
        for name, median, low, high in intervals(result)
    ]


def _plot(result: PeopleResult) -> Any:
    """Return departures in each step: observed, and expected at the mode."""
    steps = list(range(1, len(result.mean) + 1))
    dots = go.Scatter(x=steps, y=result.calibration.observed.tolist(), mode="markers", name="observed")
    line = go.Scatter(x=steps, y=result.mean.tolist(), mode="lines", name="expected")
    figure = go.Figure([dots, line])
    figure.update_layout(height=400, template="plotly_white", xaxis_title="step", yaxis_title="departures in the step")
    return figure
