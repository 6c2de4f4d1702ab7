"""`lpm verify-gradients` and `lpm sensitivity`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from pyarrow import csv, parquet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lpm_secure.analysis.sensitivity import build, tornado
from lpm_secure.analysis.sensitivity.config import GradientsConfig, ProblemConfig, load
from lpm_secure.analysis.sensitivity.sensitivity import Sensitivity
from lpm_secure.analysis.sensitivity.verification import Verification, verify
from lpm_secure.analysis.sensitivity.verification_table import table_of
from lpm_secure.populations.population import free
from protocols.errors import ParameterError

ConfigPath = Annotated[Path, typer.Argument(help="TOML with one or more problems.", metavar="CONFIG")]
WIDTH = 180  # columns of the table where there is no terminal


def verify_gradients(
    config: ConfigPath,
    only: Annotated[list[str] | None, typer.Option(help="Name of a problem; may be given again.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Write every entry to this file.")] = None,
) -> None:
    """Hold every gradient estimator against finite differences of the discrete epidemic."""
    loaded = load(config)
    chosen = [loaded.named(name) for name in only] if only else list(loaded.problem)
    if json_ is not None and not json_.absolute().parent.is_dir():
        raise ParameterError(f"{json_.absolute().parent} is no folder; make it first")
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    rows = []
    for each in chosen:
        found = _verify(loaded, each)
        console.print(table_of(found))
        if found.missed:
            console.print(f"finite differences miss {found.target:.0%} standard error: {', '.join(found.missed)}")
        rows += found.rows()
    if json_ is not None:
        json_.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        typer.echo(f"every entry: {json_}")


def sensitivity(
    config: ConfigPath,
    out: Annotated[Path, typer.Option(help="Folder to write; nothing may be there.")],
    problem: Annotated[str | None, typer.Option(help="Name of the problem; the first unless given.")] = None,
) -> None:
    """Tell what every output owes to every parameter: a table, tornado plots, CSV and Parquet."""
    loaded = load(config)
    free(out)
    found = _sensitivity(loaded, loaded.named(problem))
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    console.print(tornado.table_of(found))
    out.mkdir()
    table = found.table()
    csv.write_csv(table, out / "sensitivity.csv")
    parquet.write_table(table, out / "sensitivity.parquet")
    tornado.write_page(found, out / "tornado.html")
    typer.echo(f"plots: {out / 'tornado.html'}; tables: {out / 'sensitivity.csv'} and .parquet")


def _sensitivity(config: GradientsConfig, problem: ProblemConfig) -> Sensitivity:
    """Estimate the derivatives of all totals by the default estimator."""
    people = build.people_of(problem, seed=config.seed)
    made = build.problem_of(problem, people, build.totals(problem, people), seed=config.seed)
    seeds = range(config.first_seed, config.first_seed + problem.sensitivity_seeds)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"{problem.name}: runs", total=len(seeds))
        theta = problem.theta.theta()
        found = build.DEFAULT.estimate(made, theta, seeds, on_seed=lambda: progress.advance(bar))
    return Sensitivity(made, theta, found.expected, found)


def _verify(config: GradientsConfig, problem: ProblemConfig) -> Verification:
    """Verify one problem, with a bar for each estimator."""
    people = build.people_of(problem, seed=config.seed)
    made = build.problem_of(problem, people, build.standard_outputs(problem, people), seed=config.seed)
    estimators = {build.estimator_of(name, config): seeds for name, seeds in problem.seeds.items()}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars = {
            each.name: progress.add_task(f"{problem.name}: {each.name}, at most", total=seeds, start=False)
            for each, seeds in estimators.items()
        }

        def on_seed(name: str) -> None:
            progress.start_task(bars[name])
            progress.advance(bars[name])

        return verify(
            made,
            problem.theta.theta(),
            estimators,
            first_seed=config.first_seed,
            target=config.relative_error,
            on_seed=on_seed,
        )
