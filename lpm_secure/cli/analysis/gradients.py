"""`lpm verify-gradients` and `lpm sensitivity`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lpm_secure.cli.figures import Json, say
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError

if TYPE_CHECKING:
    from rich.console import Console

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
    out: Annotated[Path | None, typer.Option(help="A folder in which `lpm serve` shows how far it is.")] = None,
    collect: Annotated[Path | None, typer.Option(help="Write every entry to this file, too.")] = None,
    as_json: Json = False,
) -> None:
    """Hold every gradient estimator against finite differences of the runs themselves."""
    import json

    from lpm_secure.cli.analysis.gradient_tables import verification_table
    from lpm_secure.scenario.analyses import studies

    if collect is not None and not collect.absolute().parent.is_dir():
        raise ParameterError(f"{collect.absolute().parent} is no folder; make it first")
    console, rows = _console(quiet=as_json), []
    given: dict[str, Any] = {"parameters": parameter or (), "outputs": output or (), "steps": steps, "journal": out}
    for verification, missing in studies.verify_gradients(source, only=only or (), **given):
        console.print(verification_table(verification))
        for name, reason in missing.items():
            console.print(f"no {name}: {reason}", soft_wrap=True, markup=False)
        if verification.missed:
            names = ", ".join(verification.missed)
            console.print(f"finite differences miss {verification.target:.0%} standard error: {names}", markup=False)
        for line in verification.none:
            console.print(f"none by {line}", soft_wrap=True, markup=False)
        rows += verification.rows()
    if collect is not None:
        write_atomically(collect, json.dumps(rows, indent=1).encode(), mode=None)
    say(() if collect is None else (f"every entry: {collect}",), {"entries": rows}, as_json=as_json)


def sensitivity(
    source: ConfigOrModel,
    *,
    out: Annotated[
        Path, typer.Option(help="Folder to write; nothing may be there. Plots need `plotly.min.js` beside it.")
    ],
    problem: Annotated[str | None, typer.Option(help="Name of the problem; the first unless given.")] = None,
    parameter: ParameterNames = None,
    output: OutputNames = None,
    steps: Steps = None,
    as_json: Json = False,
) -> None:
    """Tell what every output owes to every parameter: a table, tornado plots, CSV and Parquet."""
    from lpm_secure.analysis.sensitivity import tornado
    from lpm_secure.cli.analysis.gradient_tables import sensitivity_table
    from lpm_secure.populations.population import free
    from lpm_secure.report.progress import is_begun
    from lpm_secure.scenario.analyses import studies

    if not is_begun(out):
        free(out)
    given: dict[str, Any] = {"parameters": parameter or (), "outputs": output or (), "steps": steps, "journal": out}
    found = studies.sensitivity(source, problem=problem, **given)
    tornado.write(out, found.result)
    _console(quiet=as_json).print(sensitivity_table(found.result))
    lines = (f"plots: {out / 'tornado.html'}; tables: {out / 'sensitivity.csv'} and .parquet",)
    say(lines, found.figures, as_json=as_json)


def _console(*, quiet: bool = False) -> "Console":
    """Return the terminal, or a wide page where there is none."""
    from rich.console import Console

    console = Console(quiet=quiet)
    return console if console.is_terminal else Console(width=WIDTH, quiet=quiet)
