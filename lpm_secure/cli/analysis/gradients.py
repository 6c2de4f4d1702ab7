"""`lpm verify-gradients` and `lpm sensitivity`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.errors import ParameterError

if TYPE_CHECKING:
    from rich.console import Console

    from lpm_secure.analysis.sensitivity.config import GradientsConfig, ProblemConfig
    from lpm_secure.analysis.sensitivity.sensitivity import Sensitivity
    from lpm_secure.analysis.sensitivity.verification import Verification

ConfigPath = Annotated[Path, typer.Argument(help="TOML with one or more problems.", metavar="CONFIG")]
WIDTH = 180  # columns of the table where there is no terminal


def verify_gradients(
    config: ConfigPath,
    only: Annotated[list[str] | None, typer.Option(help="Name of a problem; may be given again.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Write every entry to this file.")] = None,
) -> None:
    """Hold every gradient estimator against finite differences of the discrete epidemic."""
    import json

    from lpm_secure.analysis.sensitivity.config import load
    from lpm_secure.cli.analysis.gradient_tables import verification_table

    content = load(config)
    problems = [content.problem_of(name) for name in only] if only else list(content.problem)
    if json_ is not None and not json_.absolute().parent.is_dir():
        raise ParameterError(f"{json_.absolute().parent} is no folder; make it first")
    console, rows = _console(), []
    for problem in problems:
        verification = _verify(content, problem)
        console.print(verification_table(verification))
        if verification.missed:
            names = ", ".join(verification.missed)
            console.print(f"finite differences miss {verification.target:.0%} standard error: {names}")
        rows += verification.rows()
    if json_ is not None:
        json_.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        typer.echo(f"every entry: {json_}")


def sensitivity(
    config: ConfigPath,
    out: Annotated[Path, typer.Option(help="Folder to write; nothing may be there.")],
    problem: Annotated[str | None, typer.Option(help="Name of the problem; the first unless given.")] = None,
) -> None:
    """Tell what every output owes to every parameter: a table, tornado plots, CSV and Parquet."""
    from lpm_secure.analysis.sensitivity import tornado
    from lpm_secure.analysis.sensitivity.config import load
    from lpm_secure.cli.analysis.gradient_tables import sensitivity_table
    from lpm_secure.populations.population import free
    from lpm_secure.report import page as pages
    from lpm_secure.report.public_file import write_public
    from lpm_secure.report.table import both

    content = load(config)
    free(out)
    result = _sensitivity(content, content.problem_of(problem))
    _console().print(sensitivity_table(result))
    out.mkdir()
    for name, table in both("sensitivity", result.table()).items():
        write_public(out / name, table)
    pages.write(out / "tornado.html", tornado.page_of(result))
    typer.echo(f"plots: {out / 'tornado.html'}; tables: {out / 'sensitivity.csv'} and .parquet")


def _console() -> "Console":
    """Return the terminal, or a wide page where there is none."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def _sensitivity(config: "GradientsConfig", problem: "ProblemConfig") -> "Sensitivity":
    """Estimate the derivatives of all totals by the default estimator."""
    from lpm_secure.analysis.sensitivity import build
    from lpm_secure.analysis.sensitivity.sensitivity import Sensitivity
    from lpm_secure.cli.progress import seed_bars

    people = build.people_of(problem, seed=config.seed)
    world = build.problem_of(problem, people, build.totals(problem, people), seed=config.seed)
    seeds = range(config.first_seed, config.first_seed + problem.sensitivity_seeds)
    theta, title = problem.theta.theta(), f"{problem.name}: runs"
    with seed_bars({title: len(seeds)}) as on_seed:
        jacobian = build.DEFAULT.estimate(world, theta, seeds, on_seed=lambda: on_seed(title))
    return Sensitivity(world, theta, jacobian.expected, jacobian)


def _verify(config: "GradientsConfig", problem: "ProblemConfig") -> "Verification":
    """Verify one problem, with a bar for each estimator."""
    from lpm_secure.analysis.sensitivity import build
    from lpm_secure.analysis.sensitivity.verification import verify
    from lpm_secure.cli.progress import seed_bars

    people = build.people_of(problem, seed=config.seed)
    world = build.problem_of(problem, people, build.standard_outputs(problem, people), seed=config.seed)
    estimators = {build.estimator_of(name, config): seeds for name, seeds in problem.seeds.items()}
    titles = {estimator.name: f"{problem.name}: {estimator.name}, at most" for estimator in estimators}
    with seed_bars({titles[estimator.name]: seeds for estimator, seeds in estimators.items()}) as on_seed:
        return verify(
            world,
            problem.theta.theta(),
            estimators,
            first_seed=config.first_seed,
            target=config.relative_error,
            on_seed=lambda name: on_seed(titles[name]),
        )
