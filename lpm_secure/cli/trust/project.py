"""`lpm project`: a run between institutions, from one file to a folder for each party."""

from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, say

app = typer.Typer(no_args_is_help=True, help="A run between institutions: one file, and a folder for each party.")


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="Of the run; a folder of this name is made here.")],
    calibration: Annotated[
        bool, typer.Option("--calibration", help="Of series of institutions, in place of people.")
    ] = False,
    *,
    as_json: Json = False,
) -> None:
    """Write a first `project.toml`, in which every key is explained."""
    from lpm_secure.project.scaffold import write_project

    path = write_project(name, Path(), calibration=calibration)
    lines = (str(path), f"fill it in, then: lpm project kit {path} --out {path.parent / 'kits'}")
    say(lines, {"project": str(path)}, as_json=as_json)


@app.command()
def kit(
    project: Annotated[Path, typer.Argument(help="project.toml, filled in.")],
    out: Annotated[Path, typer.Option(help="Folder to make, with a folder for each party.")] = Path("kits"),
    *,
    as_json: Json = False,
) -> None:
    """Make a folder for each party: what it starts from, and what it will be asked and told; no private key."""
    from lpm_secure.project.kits import write_kits

    made, requests = list(map(str, write_kits(project, out))), str(project.parent / "requests")
    lines = (*made, f"hand each to its party on a channel you trust; its requests go into {requests}")
    say(lines, {"kits": made, "requests": requests}, as_json=as_json)


@app.command()
def admit(
    project: Annotated[Path, typer.Argument(help="project.toml; each party's NAME.request is in requests/ beside it.")],
    out: Annotated[Path, typer.Option(help="Folder for the answers, one folder for each party.")] = Path("answers"),
    *,
    as_json: Json = False,
) -> None:
    """Certify all parties' keys, write the manifest with them, and sign it as the run's operator."""
    from lpm_secure.project.answers import answer
    from protocols.task import manifest as manifests

    manifest, folders = answer(project, out)
    made, run = list(map(str, folders)), manifests.run_id(manifest).hex()
    lines = (*made, f"run {run}: hand each folder's files back, into its party's kit")
    say(lines, {"answers": made, "run": run}, as_json=as_json)
