"""`lpm calibrate`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lpm_secure.cli.figures import Json, show


def calibrate(
    config: Annotated[Path, typer.Argument(help="TOML; examples/hospitals.toml explains each key.", metavar="CONFIG")],
    *,
    out: Annotated[Path, typer.Option(help="The folder `NAME` is made in it, or `NAME-2` and on.")] = Path("runs"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    transport: Annotated[
        Literal["in-process", "native", "flower"] | None,
        typer.Option(help="How gradients travel, in place of the configuration's; the same numbers each way."),
    ] = None,
    collect: Annotated[Path, typer.Option(help="Where all figures go too; other figures in it stay.")] = Path(
        "build/calibration.json"
    ),
    as_json: Json = False,
) -> None:
    """Let institutions that may not pool their series fit one model together, and forecast.

    Each round the centre publishes courses drawn from the posterior; each institution answers with the gradient of its
    own likelihood, clipped and split into shares; only the sum over all is opened. Writes `OUT/NAME/`, or `NAME-2` and
    on where that has a fit, with calibration.csv (values and bands by institution and period),
    calibration_posterior.csv, calibration_scores.csv, calibration.json and report.html. Exit code 2 for a mistake in
    the input, 3 if the fit cannot go on.

    A run's configuration with a table [fit] is fitted through its private agents instead: each round is a run whose
    derivatives are sums over clients (`--transport in-process`: in the clear, the same bits).
    """
    from lpm_secure.report import folder as folders
    from lpm_secure.scenario.analyses import calibrations

    found = calibrations.calibrate(config, out=out, resume=resume, transport=transport)
    if found.summary.beside:  # of series, beside those of other calibrations
        folders.merge_figures(collect, found.figures)
    show(found.summary, as_json)
    audited = None if found.folder is None else calibrations.last_run(found.folder)
    if audited is not None and not as_json:
        typer.echo(f"audit        lpm audit {audited}")
