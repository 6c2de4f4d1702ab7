"""`lpm run`, `lpm up` and `lpm engine`."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.city.config import is_city
from lpm_secure.city.job import city
from lpm_secure.city.report import rows_of as city_rows
from lpm_secure.cli.run.gradients import gradients, require_values
from lpm_secure.config import simulation as configs
from lpm_secure.run import jobs
from lpm_secure.run.folder import Result
from lpm_secure.run.report import rows_of
from protocols.errors import ParameterError

ConfigFile = Annotated[
    Path, typer.Argument(help="TOML; examples/workplace.toml and city.toml explain each key.", metavar="CONFIG")
]
Device = Annotated[str, typer.Option(help="Where the engine computes: auto, cpu or cuda.")]
Out = Annotated[Path, typer.Option(help="A folder `ID` is made in it for the run.")]


def run(
    config: ConfigFile,
    *,
    clear: Annotated[
        bool,
        typer.Option("--clear", help="No protection: all in this process; prints the series' hash, writes nothing."),
    ] = False,
    parity: Annotated[bool, typer.Option(help="Replay the run in the clear, and fail unless it is identical.")] = True,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run of a city.")] = False,
    device: Device = "auto",
    out: Out = Path("runs"),
) -> None:
    """Run a configuration: aggregators, clients and engine as processes of this machine; or a city in this process.

    Writes `OUT/ID/` with series.parquet, series.csv, run.json, run.log and report.html; with [gradient] instead
    gradient.csv and gradient.json. Exit code 1 if the replay in the clear differs, 2 for a mistake in the input, 3 if
    the run cannot go on.
    """
    if is_city(config):
        folder, found = city(config, device=device, out=out, resume=resume)
        _table([*city_rows(found), ("report", str(folder / "report.html"))])
        return
    if resume:
        raise ParameterError(
            f"{config} has private agents: only a city, with [population], goes on from a checkpoint; parties that "
            "restart go on by themselves while the run lives; run it anew, without --resume"
        )
    if (given := configs.load(config)).gradient is not None:
        gradients(given, clear=clear, parity=parity, out=out)
        return
    if clear:
        typer.echo(f"series: {jobs.clear(config, device=device).hash}")
        return
    folder, result = jobs.private(config, device=device, out=out, parity=parity)
    _print(folder, result)
    if result.parity is False:
        raise typer.Exit(1)


def up(config: ConfigFile, out: Out = Path("runs")) -> None:
    """Start aggregators and clients of a configuration on this machine, and wait for an engine.

    Prints the `lpm engine` command that drives them. Ends when the clients and the engine do, or with Ctrl-C, and
    leaves all that `lpm audit` needs. Exit code 3 if every client gave up, because no engine came in time say.
    """
    if is_city(config):
        raise ParameterError(f"{config} is of a city, which has no parties to start; use lpm run {config}")
    require_values(given := configs.load(config), path=config)
    with jobs.local_deployment(given, out=out) as deployment:
        deployment.start()
        typer.echo(f"{len(deployment.testbed.manifest.clients)} clients wait. Drive them, from another terminal, with:")
        typer.echo(f"  lpm engine {deployment.folder}")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        deployment.wait_for_clients(timeout_s=None)
        jobs.require_a_client_done(deployment)
        jobs.wait_for_engine(deployment)
    typer.echo(f"The run has ended. Check it with:\n  lpm audit {deployment.folder}")


def engine(
    folder: Annotated[Path, typer.Argument(help="The folder that `lpm up` printed.", exists=True, file_okay=False)],
    device: Device = "auto",
) -> None:
    """Drive clients that `lpm up` started, from the folder it printed."""
    typer.echo(f"series: {jobs.drive(folder, device=device).hash}")


def _print(folder: Path, result: Result) -> None:
    _table([*rows_of(result), ("report", str(folder / "report.html"))])
    if result.clear is not None:
        typer.echo(f"parity: {'identical' if result.parity else 'DIFFERENT'}")
        typer.echo(f"  private {result.private.series.hash}")
        typer.echo(f"  clear   {result.clear.series.hash}")


def _table(rows: list[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        typer.echo(f"{name:<{width}}  {value}")
