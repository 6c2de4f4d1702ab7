"""`lpm project`: a run between institutions, from one file to a folder for each party."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="A run between institutions: one file, and a folder for each party.")


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="Of the run; a folder of this name is made here.")],
) -> None:
    """Write a first `project.toml`, in which every key is explained."""
    from lpm_secure.project.scaffold import write_project

    path = write_project(name, Path())
    typer.echo(f"{path}\nfill it in, then: lpm project kit {path} --out {path.parent / 'kits'}")
