"""`lpm amortise`."""

from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, show


def amortise(
    config: Annotated[Path, typer.Argument(help="TOML; examples/hospitals.toml explains each key.", metavar="CONFIG")],
    *,
    out: Annotated[Path, typer.Option(help="The folder `NAME` is made in it.")] = Path("runs"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    periods: Annotated[
        int | None, typer.Option(help="Periods of the series so far; data.fit_periods if not given.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="With the fit of lpm calibrate in the folder, or fit now.")
    ] = False,
    collect: Annotated[Path, typer.Option(help="Where all figures go too; other figures in it stay.")] = Path(
        "build/calibration.json"
    ),
    as_json: Json = False,
) -> None:
    """Train a posterior for any period on simulations; then every new period costs one sum, not a fit.

    Each institution embeds its series so far; only the sum of the embeddings is opened, and a flow turns it into a
    posterior. With --resume after the last round, nothing is trained: the posterior after --periods comes at once.
    All institutions are played in this process, whatever `federation.transport` says.
    Exit code 2 for a mistake in the input, 3 if no sum can be released.
    """
    from lpm_secure.report import folder as folders
    from lpm_secure.scenario.analyses import forecasts

    found = forecasts.amortise(config, out=out, resume=resume, periods=periods, compare=compare)
    folders.merge_figures(collect, found.figures)
    show(found.summary, as_json)
