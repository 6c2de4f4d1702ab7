"""`lpm run`, `lpm up` and `lpm engine`."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lpm_secure.cli.figures import Json, say, show
from protocols.errors import ParameterError
from protocols.quantity import quantity

if TYPE_CHECKING:
    from lpm_secure.report.summary import Summary
    from lpm_secure.scenario.simulation import Simulation

ConfigFile = Annotated[
    Path, typer.Argument(help="TOML; examples/workplace.toml and city.toml explain each key.", metavar="CONFIG")
]
NOTICES: Final = logging.getLogger("lpm")  # for whoever waits; `lpm` prints them
Device = Annotated[str, typer.Option(help="Where the engine computes: auto, cpu or cuda.")]
Out = Annotated[Path, typer.Option(help="A folder `ID` is made in it for the run.")]


def run(
    config: ConfigFile,
    *,
    clear: Annotated[
        bool | None,
        typer.Option(
            "--clear/--private",
            help="No protection: all in this process; prints the series' hash (of replicates the first one's), writes "
            "nothing. The default of --seeds, which writes series.",
        ),
    ] = None,
    parity: Annotated[bool, typer.Option(help="Replay the run in the clear, and fail unless it is identical.")] = True,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run of a city.")] = False,
    device: Device = "auto",
    out: Out = Path("runs"),
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="So many runs, from the configuration's seed on; with --private as replicates of one: docs/python.md.",
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE, as in the file: model.initial=0.05; NAME=A,B compares.", metavar="SET"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes for --seeds; as many as pay by default.")
    ] = None,
    ensemble: Annotated[
        str,
        typer.Option(help="exact: the bits of each seed; batched: many seeds at once on one graph, by the same law."),
    ] = "exact",
    as_json: Json = False,
) -> None:
    """Run a configuration: aggregators, clients and engine as processes of this machine; or a city in this process.

    Writes `OUT/ID/` with series.parquet, series.csv, run.json, run.log and report.html; with [gradient] gradient.csv
    and gradient.json in place of series and run.json. Plots need `OUT/plotly.min.js`, which all runs there share. With
    --seeds, or several values of --set, a folder for all seeds, with bands; of several values differences, too. Exit
    code 1 if the replay in the clear differs, 2 for a mistake in the input, 3 if the run cannot go on.
    """
    from lpm_secure.local_process.command import begin_servers, read_start

    if seeds is None and not values and clear is not True:
        begin_servers(config)  # before what follows is imported
    from lpm_secure.cli.progress import city_bar, step_bar
    from lpm_secure.cli.run.values import lists_of
    from lpm_secure.scenario.execution import execute
    from lpm_secure.scenario.simulation import ENSEMBLES, load

    simulation, lists = load(config), lists_of(values or [])
    single = {name: each[0] for name, each in lists.items() if len(each) == 1}
    simulation = simulation.with_(single) if single else simulation
    several = {name: each for name, each in lists.items() if len(each) > 1}
    if ensemble not in ENSEMBLES:
        raise ParameterError(f"ensemble is {ensemble!r}; give {' or '.join(map(repr, ENSEMBLES))}")
    if ensemble != "exact" and (seeds is None or several):
        raise ParameterError(
            f"got --ensemble {ensemble} without --seeds, or with several values; give --seeds 512 alone"
        )
    if seeds is None and not several:
        observers: dict[str, Any] = {"observer": step_bar, "city_observer": city_bar}
        given: dict[str, Any] = {"clear": clear is True, "parity": parity, "resume": resume, "device": device}
        given["started_s"] = read_start()
        show(execute(simulation.config, beside=simulation.beside, out=out, **given, **observers), as_json=as_json)
        return
    if resume:
        raise ParameterError("got --resume with several runs; only a single city goes on from a checkpoint")
    if clear is None and simulation.is_private:
        private = "" if several else "; --private makes one of them all"
        NOTICES.info("all runs are in the clear, each with the bits of a private one%s", private)
    if several and clear is False:
        raise ParameterError("got --private and several values; compare private runs one by one, or leave it out")
    many: dict[str, Any] = {"seeds": seeds or 1, "workers": workers, "device": device}
    if several:
        show(_sweep(simulation, several, out, many), as_json)
    else:
        show(_seeds(simulation, clear, parity, out, many | {"ensemble": ensemble}), as_json)


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
        waiting = quantity(len(deployment.testbed.manifest.clients), "client")
        typer.echo(f"Waiting: {waiting}. Drive them, from another terminal, with:")
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
    *,
    as_json: Json = False,
) -> None:
    """Drive clients: those that `lpm up` started, from the folder it printed, or with --config those of a deployment.

    The latter keeps a journal of releases. Killed at any moment and started again within three deadlines of a round, it
    goes on to the same bits, and ends in series, report and figures in the folder `results` of its configuration. That
    has the keys manifest, operator_key, credentials, results, and the tables synthetic, columns and environment:
    docs/own_people.md. Of a calibration it has a table calibration, and the engine is the fit's centre:
    docs/calibration.md.
    """
    from lpm_secure.cli.progress import step_bar
    from lpm_secure.cli.trust.engine import run_engine
    from lpm_secure.run import jobs

    if (folder is None) == (config is None):
        raise ParameterError("give the folder that `lpm up` printed, or --config FILE; lpm engine --help says more")
    if config is not None:
        show(run_engine(config, device=device), as_json)
    elif folder is not None:
        series = jobs.drive(folder, device=device, observer=step_bar)
        say((f"series: {series}",), {"series": series}, as_json=as_json)


def _seeds(
    simulation: "Simulation", clear: bool | None, parity: bool, out: Path, given: Mapping[str, Any]
) -> "Summary":
    """Run many seeds, write their folder, and return what is printed."""
    seeds, ensemble = simulation.seeds(given["seeds"]), given["ensemble"]
    folder = simulation.folder(out, seeds if ensemble == "exact" else [seeds, ensemble])
    result = simulation.run(**given, private=clear is False, out=out, parity=parity, journal=folder)
    return result.summary(result.save(folder))


def _sweep(simulation: "Simulation", values: Mapping[str, list[Any]], out: Path, given: Mapping[str, Any]) -> "Summary":
    """Compare values over the same seeds, write their folder, and return what is printed."""
    from lpm_secure.scenario.scenarios import sweep

    folder = simulation.folder(out, [simulation.seeds(given["seeds"]), values])
    comparison = sweep(simulation, values, **given, journal=folder)
    return comparison.summary(comparison.save(folder))
