"""`lpm run`, `lpm up` and `lpm engine`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.errors import ParameterError

if TYPE_CHECKING:
    from lpm_secure.config.simulation import Config
    from lpm_secure.report.summary import Summary

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

    Writes `OUT/ID/` with series.parquet, series.csv, run.json, run.log and report.html; with [gradient] gradient.csv
    and gradient.json in place of series and run.json. Plots need `OUT/plotly.min.js`, which all runs there share. Exit
    code 1 if the replay in the clear differs, 2 for a mistake in the input, 3 if the run cannot go on.
    """
    from lpm_secure.city.config import is_city
    from lpm_secure.config.simulation import load

    if is_city(config):
        _show(_city(config, device=device, out=out, resume=resume))
        return
    if resume:
        raise ParameterError(
            f"{config} has private agents: only a city, with [population], goes on from a checkpoint; parties that "
            "restart go on by themselves while the run lives; run it anew, without --resume"
        )
    content = load(config)
    if clear:
        _clear(content, device=device)
    else:
        _show(_private(content, device=device, out=out, parity=parity))


def up(config: ConfigFile, out: Out = Path("runs")) -> None:
    """Start aggregators and clients of a configuration on this machine, and wait for an engine.

    Prints the `lpm engine` command that drives them. Ends when the clients and the engine do, or with Ctrl-C, and
    leaves all that `lpm audit` needs. Exit code 3 if every client gave up, because no engine came in time say.
    """
    from lpm_secure.city.config import is_city
    from lpm_secure.config.simulation import load
    from lpm_secure.run import jobs

    if is_city(config):
        raise ParameterError(f"{config} is of a city, which has no parties to start; use lpm run {config}")
    if (content := load(config)).gradient is not None:
        raise ParameterError(f"{config} asks for a gradient, which `lpm engine` does not take; use lpm run {config}")
    with jobs.local_deployment(content, out=out) as deployment:
        deployment.start()
        typer.echo(f"{len(deployment.testbed.manifest.clients)} clients wait. Drive them, from another terminal, with:")
        typer.echo(f"  lpm engine {deployment.folder}")
        deployment.wait_for_clients(timeout_s=None)
        jobs.require_a_client_done(deployment)
        jobs.wait_for_engine(deployment)
    typer.echo(f"The run has ended. Check it with:\n  lpm audit {deployment.folder}")


def engine(
    folder: Annotated[
        Path | None, typer.Argument(help="The folder that `lpm up` printed.", exists=True, file_okay=False)
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML, of the engine of a deployment between real parties.", metavar="FILE")
    ] = None,
    device: Device = "auto",
) -> None:
    """Drive clients: those that `lpm up` started, from the folder it printed, or with --config those of a deployment.

    The latter keeps a journal of releases. Killed at any moment and started again within three deadlines of a round, it
    goes on to the same bits, and ends in series, report and figures in the folder `results` of its configuration. That
    has the keys manifest, operator_key, credentials, results, and the tables synthetic, columns and environment:
    docs/own_people.md.
    """
    from lpm_secure.cli.progress import step_bar
    from lpm_secure.run import engine_party, jobs

    if (folder is None) == (config is None):
        raise ParameterError("give the folder that `lpm up` printed, or --config FILE; lpm engine --help says more")
    if config is not None:
        _show(engine_party.run_engine(config, device=device, observer=step_bar))
    elif folder is not None:
        typer.echo(f"series: {jobs.drive(folder, device=device, observer=step_bar).hash}")


def _city(path: Path, *, device: str, out: Path, resume: bool) -> "Summary":
    from lpm_secure.city.config import load
    from lpm_secure.city.job import simulate_city
    from lpm_secure.cli.progress import city_bar

    return simulate_city(load(path), beside=path.parent, out=out, device=device, resume=resume, observer=city_bar)


def _private(config: "Config", *, device: str, out: Path, parity: bool) -> "Summary":
    from lpm_secure.cli.progress import step_bar
    from lpm_secure.gradients.private import job as gradients
    from lpm_secure.run import jobs

    if config.gradient is not None:
        return gradients.private(config, out=out, parity=parity)
    return jobs.simulate_private(config, device=device, out=out, parity=parity, observer=step_bar)


def _clear(config: "Config", *, device: str) -> None:
    from lpm_secure.cli.progress import step_bar
    from lpm_secure.gradients.private import job as gradients
    from lpm_secure.run import jobs

    if config.gradient is not None:
        for line in gradients.lines_of(gradients.clear(config)):
            typer.echo(line)
    else:
        typer.echo(f"series: {jobs.simulate_clear(config, device=device, observer=step_bar).hash}")


def _show(summary: "Summary") -> None:
    """Print what a run yielded; exit code 1 if what it checks of itself does not hold."""
    for line in summary.lines:
        typer.echo(line)
    if not summary.passed:
        raise typer.Exit(1)
