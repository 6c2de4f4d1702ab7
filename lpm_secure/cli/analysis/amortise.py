"""`lpm amortise`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lpm_secure.calibration import config as configs
from lpm_secure.calibration import figures
from lpm_secure.calibration.amortisation import comparison, job, table
from protocols.errors import ConfigError


def amortise(
    config: Annotated[Path, typer.Argument(help="TOML; examples/hospitals.toml explains each key.", metavar="CONFIG")],
    *,
    out: Annotated[Path, typer.Option(help="The folder `NAME` is made in it.")] = Path("runs"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    weeks: Annotated[int | None, typer.Option(help="Weeks of the series so far; data.fit_weeks if not given.")] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="With the fit of lpm calibrate in the folder, or fit now.")
    ] = False,
    collect: Annotated[Path, typer.Option(help="Where all figures go too; other figures in it stay.")] = Path(
        "build/calibration.json"
    ),
) -> None:
    """Train a posterior for any week on simulated epidemics; then every new week costs one sum, not a fit.

    Each hospital embeds its series so far; only the sum of the embeddings is opened, and a flow turns it into a
    posterior. With --resume after the last round, nothing is trained: the posterior after --weeks comes at once.
    All hospitals are played in this process, whatever `federation.transport` says.
    Exit code 2 for a mistake in the input, 3 if no sum can be released.
    """
    given = configs.load(config)
    if compare and weeks not in {None, given.data.fit_weeks}:
        raise ConfigError(
            f"got --compare and --weeks {weeks}; the fit reads {given.data.fit_weeks} weeks: ask for as many"
        )
    folder = out / given.name
    with _shown(f"{given.name}, conditional", given.amortised.rounds) as told:
        trained = job.amortise(given, folder, weeks=weeks, resume=resume, on_round=told)
    fitted = None
    if compare:
        with _shown(f"{given.name}, online fit", given.fit.rounds) as told:
            fitted = comparison.online(given, trained.study, folder, on_round=told)
    result = table.found(trained, fitted)
    table.write(folder, result)
    figures.merge(collect, {"amortised": result})
    for line in table.lines_of(result):
        typer.echo(line)


@contextmanager
def _shown(title: str, rounds: int) -> Iterator[Callable[[Any], None]]:
    """Show a bar on standard error; the caller tells what has a `round`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("round {task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(title, total=rounds)
        yield lambda each: progress.update(bar, completed=each.round)
