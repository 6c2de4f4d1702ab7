"""`lpm rehearse`: a project's whole run on made-up people, before a real person is asked."""

from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, show


def rehearse(
    project: Annotated[Path, typer.Argument(help="project.toml, as lpm project kit takes it.")],
    *,
    people: Annotated[int | None, typer.Option(help="Made up in all; the project's sizes unless given.", min=1)] = None,
    in_process: Annotated[bool, typer.Option("--in-process", help="Leave the run over processes out.")] = False,
    out: Annotated[Path, typer.Option(help="A folder is made in it, with all that this prints.")] = Path("rehearsals"),
    as_json: Json = False,
) -> None:
    """Rehearse a project on this machine with made-up people of its sizes, before a real person is asked.

    First all parties in one process, without noise, whose states are held against the clear run's; then each as a
    process of its own from the project's kits, over TLS. Prints parity, seconds a step, bytes by party and what the
    consent page says. [rehearsal] of the project says how often people meet. Exit code 1 where anything differs.
    """
    from lpm_secure.cli.progress import step_bar
    from lpm_secure.rehearsal import job

    summary = job.rehearse(project, out, people=people, in_process=in_process, observer=step_bar, say=_say)
    show(summary, as_json)


def _say(line: str) -> None:
    typer.echo(f"lpm: {line}", err=True)
