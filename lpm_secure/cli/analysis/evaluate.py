"""`lpm evaluate`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lpm_secure.cli.figures import Json, show


def evaluate(
    config: Annotated[Path, typer.Argument(help="TOML; examples/evaluation.toml explains each key.", metavar="CONFIG")],
    *,
    out: Annotated[Path, typer.Option(help="The folder `NAME` is made in it; fits that it has are taken.")] = Path(
        "runs"
    ),
    half: Annotated[Literal["tuning", "judged"] | None, typer.Option(help="Of the origins; both unless given.")] = None,
    model: Annotated[
        bool, typer.Option("--model/--baselines-only", help="Fit the model, or score baselines alone.")
    ] = True,
    collect: Annotated[Path, typer.Option(help="Where all figures go too.")] = Path("build/evaluation.json"),
    as_json: Json = False,
) -> None:
    """Say how good forecasts are: at many origins, beside baselines, and combined with them.

    At each origin the model is fitted to what was known, or follows the origin before, and forecasts; scores are
    relative to the baseline of the COVID-19 Forecast Hub. What of it needs all institutions is a secure sum, in this
    process. Writes `OUT/NAME/` with evaluation.csv (a row for each target, horizon, origin and method),
    evaluation_summary.csv, evaluation_pairs.csv, evaluation.json and report.html. Interrupted, the same command goes on
    after the last origin whose fit is kept. Exit code 2 for a mistake in the input, 3 if a fit cannot go on.
    """
    from lpm_secure.report import folder as folders
    from lpm_secure.scenario.analyses import forecasts

    found = forecasts.evaluate(config, out=out, half=half, model=model)
    folders.write_figures(collect, found.figures)
    show(found.summary, as_json)
