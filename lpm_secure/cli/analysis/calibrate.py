"""`lpm calibrate`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lpm_secure.audit.index import INDEX
from lpm_secure.calibration import config as configs
from lpm_secure.calibration import figures, report
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.job import calibrate as fitted
from lpm_secure.calibration.noise_table import noise_table
from lpm_secure.calibration.transports import PARTIES


def calibrate(
    config: Annotated[Path, typer.Argument(help="TOML; examples/hospitals.toml explains each key.", metavar="CONFIG")],
    *,
    out: Annotated[Path, typer.Option(help="The folder `NAME` is made in it.")] = Path("runs"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    transport: Annotated[
        Literal["in-process", "native", "flower"] | None,
        typer.Option(help="How gradients travel, in place of the configuration's; the same numbers each way."),
    ] = None,
    collect: Annotated[Path, typer.Option(help="Where all figures go too; other figures in it stay.")] = Path(
        "build/calibration.json"
    ),
) -> None:
    """Let hospitals that may not pool their counts fit one model of the city, and forecast.

    Each round the centre publishes epidemics drawn from the posterior; each hospital answers with the gradient of its
    own likelihood, clipped and split into shares; only the sum over all is opened. Writes `OUT/NAME/` with
    calibration.csv (counts and bands by hospital and week), calibration_posterior.csv, calibration_scores.csv,
    calibration.json and report.html. Exit code 2 for a mistake in the input, 3 if the fit cannot go on.
    """
    given = configs.load(config)
    if transport is not None:
        given = msgspec.structs.replace(
            given, federation=msgspec.structs.replace(given.federation, transport=transport)
        )
    folder = out / given.name
    with _shown(given.name, rounds=given.fit.rounds) as told:
        result = fitted(given, folder, resume=resume, on_round=told)
    noise = noise_table(given, result.study)
    further = {"noise": noise} if noise else {}
    figures.write(folder, result, further)
    figures.merge(collect, figures.figures(result) | further)
    report.write(folder / "report.html", result, noise)
    for line in figures.lines_of(result, noise):
        typer.echo(line)
    typer.echo(f"\nreport       {folder / 'report.html'}")
    if given.federation.transport == "native":
        for index in sorted((folder / PARTIES).glob(f"*/{INDEX}"), key=lambda each: each.stat().st_mtime)[-1:]:
            typer.echo(f"audit        lpm audit {index.parent}")


@contextmanager
def _shown(title: str, *, rounds: int) -> Iterator[Callable[[Fit], None]]:
    """Show a bar on standard error while a fit goes on."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("round {task.completed}/{task.total}"),
        TextColumn("{task.fields[members]} hospitals"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(title, total=rounds, members="")

        def told(fit: Fit) -> None:
            progress.update(bar, completed=fit.round, members=str(fit.members))

        yield told
