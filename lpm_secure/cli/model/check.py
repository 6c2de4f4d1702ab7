"""`lpm check-model`."""

from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, show


def check_model(
    model: Annotated[
        str,
        typer.Argument(
            help="package.module:Class, also from the working folder, or a registered name.", metavar="MODEL"
        ),
    ],
    agents: Annotated[int, typer.Option(min=2, max=1_000_000, help="Agents of the drawn world.")] = 500,
    steps: Annotated[int, typer.Option(min=1, max=10_000, help="Steps of the drawn world.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawn world.")] = 1,
    as_json: Json = False,
) -> None:
    """Check a model: what it is, what it tells, and that every engine computes the same bits.

    Traces its methods into a graph, proves the ranges of all numbers, tells what an agent says and what its holder
    learns, and runs a drawn world on every back end. Exit code 1 if back ends differ, 2 for a mistake in the model.
    """
    from rich.console import Console
    from rich.table import Column, Table

    from lpm_secure.scenario.analyses.models import check_model as check
    from protocols.report.model_report import sections

    found = check(model, agents=agents, steps=steps, seed=seed)
    console = Console(quiet=as_json)
    for section in sections(found.result.trace.graph):
        table = Table(*(Column(head, overflow="fold") for head in section.heads), title=section.title, box=None)
        for row in section.rows:
            table.add_row(*row)
        console.print(table)
    show(found.summary, as_json)
