"""`lpm verify-gradients` and `lpm sensitivity`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.errors import ParameterError

if TYPE_CHECKING:
    from rich.console import Console

    from lpm_secure.analysis.sensitivity.config import GradientsConfig
    from lpm_secure.analysis.sensitivity.problem_config import ProblemConfig
    from lpm_secure.analysis.sensitivity.sensitivity import Sensitivity
    from lpm_secure.analysis.sensitivity.verification import Verification

ConfigOrModel = Annotated[
    str,
    typer.Argument(
        help="TOML with one or more models, or of a run; or a model: a library name, or package.module:Class.",
        metavar="CONFIG|MODEL",
    ),
]
ParameterNames = Annotated[list[str] | None, typer.Option("--parameter", help="By which; may be given again.")]
OutputNames = Annotated[list[str] | None, typer.Option("--output", help="A series at the end; may be given again.")]
Steps = Annotated[int | None, typer.Option(min=1, max=1_000, help="Of each run.")]
WIDTH = 180  # columns of the table where there is no terminal


def verify_gradients(
    source: ConfigOrModel,
    *,
    only: Annotated[list[str] | None, typer.Option(help="Name of a problem; may be given again.")] = None,
    parameter: ParameterNames = None,
    output: OutputNames = None,
    steps: Steps = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Write every entry to this file.")] = None,
) -> None:
    """Hold every gradient estimator against finite differences of the runs themselves."""
    import json

    from lpm_secure.cli.analysis.gradient_tables import verification_table

    content = _content(source, parameter, output, steps)
    problems = [content.problem_of(name) for name in only] if only else list(content.model)
    if json_ is not None and not json_.absolute().parent.is_dir():
        raise ParameterError(f"{json_.absolute().parent} is no folder; make it first")
    console, rows = _console(), []
    for problem in problems:
        verification, missing = _verify(content, problem)
        console.print(verification_table(verification))
        for name, reason in missing.items():
            console.print(f"no {name}: {reason}", soft_wrap=True, markup=False)
        if verification.missed:
            names = ", ".join(verification.missed)
            console.print(f"finite differences miss {verification.target:.0%} standard error: {names}", markup=False)
        for line in verification.none:
            console.print(f"none by {line}; only finite differences are taken", markup=False)
        rows += verification.rows()
    if json_ is not None:
        json_.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        typer.echo(f"every entry: {json_}")


def sensitivity(
    source: ConfigOrModel,
    *,
    out: Annotated[Path, typer.Option(help="Folder to write; nothing may be there.")],
    problem: Annotated[str | None, typer.Option(help="Name of the problem; the first unless given.")] = None,
    parameter: ParameterNames = None,
    output: OutputNames = None,
    steps: Steps = None,
) -> None:
    """Tell what every output owes to every parameter: a table, tornado plots, CSV and Parquet."""
    from lpm_secure.analysis.sensitivity import tornado
    from lpm_secure.cli.analysis.gradient_tables import sensitivity_table
    from lpm_secure.populations.population import free
    from lpm_secure.report import page as pages
    from lpm_secure.report.public_file import write_public
    from lpm_secure.report.table import both

    content = _content(source, parameter, output, steps)
    free(out)
    result = _sensitivity(content, content.problem_of(problem))
    _console().print(sensitivity_table(result))
    out.mkdir()
    for name, table in both("sensitivity", result.table()).items():
        write_public(out / name, table)
    pages.write(out / "tornado.html", tornado.page_of(result))
    typer.echo(f"plots: {out / 'tornado.html'}; tables: {out / 'sensitivity.csv'} and .parquet")


def _content(
    source: str, parameters: list[str] | None, outputs: list[str] | None, steps: int | None
) -> "GradientsConfig":
    """Return the problems of a file, or of a model by its name, with what was asked for of models."""
    from msgspec.structs import replace

    from lpm_secure.analysis.sensitivity.config import config_of, load
    from lpm_secure.analysis.sensitivity.problem_config import SeriesConfig

    content = load(Path(source)) if source.endswith(".toml") or Path(source).is_file() else config_of(source)
    asked: dict[str, object] = {
        "only": tuple(parameters or ()),
        "outputs": tuple(SeriesConfig(series=name) for name in outputs or ()),
        "steps": steps,
    }
    given = {name: value for name, value in asked.items() if value}
    return replace(content, model=tuple(replace(each, **given) for each in content.model))


def _console() -> "Console":
    """Return the terminal, or a wide page where there is none."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def _sensitivity(config: "GradientsConfig", problem: "ProblemConfig") -> "Sensitivity":
    """Estimate the derivatives of all totals by the default estimator, and by differences where that has none."""
    from lpm_secure.analysis.sensitivity.sensitivity import estimate
    from lpm_secure.analysis.sensitivity.setup import setup_of
    from lpm_secure.cli.progress import seed_bars

    setup = setup_of(problem, seed=config.seed)
    seeds = range(config.first_seed, config.first_seed + problem.sensitivity_seeds)
    title = f"{problem.name}: runs"
    with seed_bars({title: len(seeds)}) as on_seed:
        return estimate(setup, seeds, difference=config.difference, on_seed=lambda: on_seed(title))


def _verify(config: "GradientsConfig", problem: "ProblemConfig") -> "tuple[Verification, dict[str, str]]":
    """Verify one problem, with a bar for each estimator; return which there are not, and why, too."""
    from lpm_secure.analysis.sensitivity.setup import ESTIMATORS, setup_of
    from lpm_secure.analysis.sensitivity.verification import verify
    from lpm_secure.cli.progress import seed_bars
    from lpm_secure.gradients.estimators.finite_difference import FiniteDifference

    setup = setup_of(problem, seed=config.seed)
    known = {**ESTIMATORS, FiniteDifference.name: FiniteDifference(config.difference)}
    asked: set[str] = set(problem.seeds)
    missing = {name: why for name, why in setup.missing.items() if name in asked}
    estimators = {known[name]: seeds for name, seeds in problem.seeds.items() if name not in missing}
    titles = {estimator.name: f"{problem.name}: {estimator.name}, at most" for estimator in estimators}
    with seed_bars({titles[estimator.name]: seeds for estimator, seeds in estimators.items()}) as on_seed:
        verification = verify(
            setup.problem,
            setup.theta,
            estimators,
            first_seed=config.first_seed,
            target=config.relative_error,
            on_seed=lambda name: on_seed(titles[name]),
        )
    return verification, missing
