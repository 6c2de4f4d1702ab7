"""`lpm new-model`."""

from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, say


def new_model(
    name: Annotated[str, typer.Argument(help="Of the package, which is made in the working folder.", metavar="NAME")],
    *,
    as_json: Json = False,
) -> None:
    """Write a small package to begin a model with: a class, a configuration of a run, and a test that passes.

    Nothing is written over. Prints the commands that check, test and run it.
    """
    from lpm_secure.project.model_package import write_package

    commands = write_package(name, Path.cwd())
    lines = (f"{name}/: a model, its configuration and its test. Go on with:", *(f"  {each}" for each in commands))
    say(lines, {"folder": name, "commands": list(commands)}, as_json=as_json)
