"""`lpm check-model`."""

from typing import Annotated

import typer


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
) -> None:
    """Check a model: what it is, what it tells, and that every engine computes the same bits.

    Traces its methods into a graph, proves the ranges of all numbers, tells what an agent says and what its holder
    learns, and runs a drawn world on every back end. Exit code 1 if back ends differ, 2 for a mistake in the model.
    """
    from rich.console import Console
    from rich.table import Column, Table

    from lpm_secure.models.reference import find
    from lpm_secure.models.report import sections
    from lpm_secure.testbed.model_check import check_model as check
    from protocols.models.chain.chain_parameters import describe_chain
    from protocols.models.graph.agents import GraphModel

    result = check(find(model), agents=agents, steps=steps, seed=seed)
    console = Console()
    for section in sections(result.trace.graph):
        table = Table(*(Column(head, overflow="fold") for head in section.heads), title=section.title, box=None)
        for row in section.rows:
            table.add_row(*row)
        console.print(table)
    found = GraphModel(result.trace.graph, dict(result.trace.parameters))
    typer.echo(f"relaxed runs: {describe_chain(found, steps=steps)}")
    for name, (first, last) in result.tallies.items():
        typer.echo(f"{name} of {agents} drawn agents: {list(first)} at first, {list(last)} after {steps} steps")
    for backend, difference in result.differences.items():
        typer.echo(f"back ends: {backend} DIFFERS from the interpreter at {difference}")
    if result.differences:
        raise typer.Exit(1)
    typer.echo(f"back ends: identical ({', '.join(result.backends)})")
