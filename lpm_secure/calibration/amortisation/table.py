"""What an amortised posterior shows: its check, its draws, and the online fit beside it."""

from collections.abc import Iterator
from typing import Any, Final

from lpm_secure.calibration import figures
from lpm_secure.calibration.amortisation.comparison import Online, Rows, compare, scores, summary
from lpm_secure.calibration.amortisation.job import AmortisationResult
from lpm_secure.report.summary import Summary
from lpm_secure.report.table import csv_of_rows

POSTERIOR, COMPARED = "amortised_posterior.csv", "amortised_compared.csv"
SETTLING: Final = 50  # rounds, over which the last loss is averaged


def summary_of(trained: AmortisationResult, fitted: Online | None) -> Summary:
    """Return what the training yields, in the form that is written beside a calibration's figures and printed."""
    values = figures_of(trained, fitted)
    rows = {POSTERIOR: values["posterior"], COMPARED: values["compared"]}
    return Summary(
        file=figures.JSON,
        figures={"amortised": values},
        lines=tuple(lines_of(values)),
        tables={name: csv_of_rows(each) for name, each in rows.items() if each},
        beside=True,
    )


def figures_of(trained: AmortisationResult, fitted: Online | None) -> dict[str, Any]:
    """Return every figure."""
    amortised, checked = trained.amortised, trained.checked
    held = trained.periods == trained.study.fitted
    last = amortised.losses[-SETTLING:]
    return {
        "data": trained.study.data.title,
        "periods_read": trained.periods,
        "rounds": amortised.round,
        "simulations": amortised.simulations,
        "seconds_training": trained.seconds,
        "rounds_in_these_seconds": trained.rounds,
        "seconds_posterior": trained.posterior_seconds,
        "loss": sum(last) / len(last),
        "absences": amortised.absences,
        "check": {
            "simulations": checked.simulations,
            "coverage90": dict(zip(checked.names, checked.coverage().tolist(), strict=True)),
            "coverage90_mean": float(checked.coverage().mean()),
            "coverage90_band": checked.band(),
            "ranks_p_value": checked.p_value,
            "log_density_gain": checked.density - checked.prior_density,
        },
        "posterior": summary(amortised.course, trained.z),
        "scores": scores(trained) if held else [],
        "compared": [] if fitted is None else compare(trained, fitted),
        "seconds_online": None if fitted is None else fitted.seconds,
    }


def lines_of(values: dict[str, Any]) -> Iterator[str]:
    """Yield what the command prints at its end."""
    checked = values["check"]
    low, high = checked["coverage90_band"]
    cover = checked["coverage90"].values()
    yield f"data         {values['data']}"
    yield (
        f"training     {values['rounds']} rounds, {values['simulations']:,} simulated courses; "
        f"{values['seconds_training']:.0f} s for the last {values['rounds_in_these_seconds']} rounds"
    )
    yield f"posterior    after {values['periods_read']} periods, in {values['seconds_posterior']:.2f} s"
    yield (
        f"check        {checked['simulations']} further simulations: 90 % intervals held "
        f"{checked['coverage90_mean']:.1%} of truths, {min(cover):.1%} to {max(cover):.1%} by parameter "
        f"(95 % of them should be in {low:.1%} to {high:.1%})"
    )
    yield f"             ranks uniform: p = {checked['ranks_p_value']:.3f} (smallest of all parameters, corrected)"
    yield from ("", *(_compared(values) if values["compared"] else _posterior(values["posterior"])))
    if values["scores"]:
        yield from ("", *figures.score_lines(values["scores"]))


def _posterior(rows: Rows) -> Iterator[str]:
    yield f"{'parameter':32} {'mean':>10} {'sd':>10}"
    for row in rows:
        yield f"{row['parameter']:32} {row['mean']:10.4g} {row['sd']:10.2g}"


def _compared(values: dict[str, Any]) -> Iterator[str]:
    online = values["seconds_online"]
    yield f"online fit   {'read from its checkpoint' if online is None else f'{online:.0f} s'}"
    yield f"{'mean (sd)':32} {'amortised':>22} {'online fit':>22} {'prior':>22}"
    for row in values["compared"]:
        cells = [f"{row[f'{name}_mean']:.4g} ({row[f'{name}_sd']:.2g})" for name in ("amortised", "online", "prior")]
        yield f"{row['parameter']:32} {cells[0]:>22} {cells[1]:>22} {cells[2]:>22}"
