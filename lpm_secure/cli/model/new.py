"""`lpm new-model`."""

from pathlib import Path
from typing import Annotated

import typer


def new_model(
    name: Annotated[str, typer.Argument(help="Of the package, which is made in the working folder.", metavar="NAME")],
) -> None:
    """Write a small package to begin a model with: a class, a configuration of a run, and a test that passes.

    Nothing is written over. Prints the commands that check, test and run it.
    """
    from lpm_secure.project.model_package import write_package

    commands = write_package(name, Path.cwd())
    typer.echo(f"{name}/: a model, its configuration and its test. Go on with:")
    for command in commands:
        typer.echo(f"  {command}")
