"""`lpm assimilate`."""

from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, show


def assimilate(
    config: Annotated[Path, typer.Argument(help="TOML, that of the calibration.", metavar="CONFIG")],
    *,
    out: Annotated[Path, typer.Option(help="Where `lpm calibrate` has left the folder `NAME`.")] = Path("runs"),
    until: Annotated[
        int | None, typer.Option(min=3, help="How many periods are known by the last one, from the first on.")
    ] = None,
    ahead: Annotated[int, typer.Option(min=1, max=104, help="Periods that are forecast each time.")] = 8,
    refit_every: Annotated[
        int | None, typer.Option(min=1, help="Fit every so many-th period from the prior too, and compare.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a finished calibration follow the periods that have come since, without a refit.

    Add the new rows to the calibration's tables, and leave its configuration as it was. Each new period takes the few
    rounds of `[assimilation]`, from where the period before has ended; what is released in them is told as in a
    calibration. Writes `OUT/NAME-assimilation/` with assimilation.csv (a row for each period), forecast.csv (quantiles
    of what comes after the last one), assimilation.json, report.html, and a folder for each period, whose fit is not
    made again. Exit code 2 for a mistake in the input, 3 if a fit cannot go on.
    """
    from lpm_secure.scenario.analyses import forecasts

    found = forecasts.assimilate(config, out=out, until=until, ahead=ahead, refit_every=refit_every)
    show(found.summary, as_json)
