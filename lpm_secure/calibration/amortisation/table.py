"""What `lpm amortise` prints and writes."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lpm_secure.calibration import figures
from lpm_secure.calibration.amortisation.comparison import Online, Rows, compare, scores, summary
from lpm_secure.calibration.amortisation.job import Trained

POSTERIOR, COMPARED = "amortised_posterior.csv", "amortised_compared.csv"
SETTLING: Final = 50  # rounds, over which the last loss is averaged


def found(trained: Trained, fitted: Online | None) -> dict[str, Any]:
    """Return every figure."""
    amortised, checked = trained.amortised, trained.checked
    held = trained.weeks == trained.study.fitted
    last = amortised.losses[-SETTLING:]
    return {
        "data": trained.study.title,
        "weeks_read": trained.weeks,
        "rounds": amortised.round,
        "simulations": amortised.simulations,
        "seconds_training": trained.seconds,
        "rounds_in_these_seconds": trained.rounds,
        "seconds_posterior": trained.posterior_seconds,
        "loss": sum(last) / len(last),
        "absences": amortised.absences,
        "check": {
            "epidemics": checked.epidemics,
            "coverage90": dict(zip(checked.names, checked.coverage().tolist(), strict=True)),
            "coverage90_mean": float(checked.coverage().mean()),
            "coverage90_band": checked.band(),
            "ranks_p_value": checked.p_value,
            "log_density_gain": checked.density - checked.prior_density,
        },
        "posterior": summary(amortised.simulator.parameters, trained.z),
        "scores": scores(trained) if held else [],
        "compared": [] if fitted is None else compare(trained, fitted),
        "seconds_online": None if fitted is None else fitted.seconds,
    }


def write(folder: Path, told: dict[str, Any]) -> None:
    """Write tables and figures into a folder; other figures there stay."""
    for name, rows in ((POSTERIOR, told["posterior"]), (COMPARED, told["compared"])):
        if rows:
            with (folder / name).open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
    figures.merge(folder / figures.JSON, {"amortised": told})


def lines_of(told: dict[str, Any]) -> Iterator[str]:
    """Yield what the command prints at its end."""
    checked = told["check"]
    low, high = checked["coverage90_band"]
    cover = checked["coverage90"].values()
    yield f"data         {told['data']}"
    yield (
        f"training     {told['rounds']} rounds, {told['simulations']:,} simulated epidemics; "
        f"{told['seconds_training']:.0f} s for the last {told['rounds_in_these_seconds']} rounds"
    )
    yield f"posterior    after {told['weeks_read']} weeks, in {told['seconds_posterior']:.2f} s"
    yield (
        f"check        {checked['epidemics']} further simulated epidemics: 90 % intervals held "
        f"{checked['coverage90_mean']:.1%} of truths, {min(cover):.1%} to {max(cover):.1%} by parameter "
        f"(95 % of them should be in {low:.1%} to {high:.1%})"
    )
    yield f"             ranks uniform: p = {checked['ranks_p_value']:.3f} (smallest of all parameters, corrected)"
    yield from ("", *(_compared(told) if told["compared"] else _posterior(told["posterior"])))
    if told["scores"]:
        yield from ("", *figures.score_lines(told["scores"]))


def _posterior(rows: Rows) -> Iterator[str]:
    yield f"{'parameter':32} {'mean':>10} {'sd':>10}"
    for row in rows:
        yield f"{row['parameter']:32} {row['mean']:10.4g} {row['sd']:10.2g}"


def _compared(told: dict[str, Any]) -> Iterator[str]:
    online = told["seconds_online"]
    yield f"online fit   {'read from its checkpoint' if online is None else f'{online:.0f} s'}"
    yield f"{'mean (sd)':32} {'conditional':>22} {'online fit':>22} {'prior':>22}"
    for row in told["compared"]:
        cells = [f"{row[f'{name}_mean']:.4g} ({row[f'{name}_sd']:.2g})" for name in ("amortised", "online", "prior")]
        yield f"{row['parameter']:32} {cells[0]:>22} {cells[1]:>22} {cells[2]:>22}"
