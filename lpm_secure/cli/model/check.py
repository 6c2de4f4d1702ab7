"""`lpm check-model`."""

from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, say


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

    from lpm_secure.models.reference import find
    from lpm_secure.models.report import sections
    from lpm_secure.testbed.model_check import check_model as check
    from protocols.models.chain.chain_parameters import describe_chain
    from protocols.models.graph.agents import GraphModel

    result = check(find(model), agents=agents, steps=steps, seed=seed)
    what, *others = parts = list(sections(result.trace.graph))
    relaxed = describe_chain(GraphModel(result.trace.graph, dict(result.trace.parameters)), steps=steps)
    console = Console(quiet=as_json)
    for section in parts:
        table = Table(*(Column(head, overflow="fold") for head in section.heads), title=section.title, box=None)
        for row in section.rows:
            table.add_row(*row)
        console.print(table)
    lines = [f"relaxed runs: {relaxed}"]
    for name, (first, last) in result.tallies.items():
        lines.append(f"{name} of {agents} drawn agents: {list(first)} at first, {list(last)} after {steps} steps")
    for backend, difference in result.differences.items():
        lines.append(f"back ends: {backend} DIFFERS from the interpreter at {difference}")
    lines += [] if result.differences else [f"back ends: identical ({', '.join(result.backends)})"]
    figures = {
        "model": {row[0]: row[1] for row in what.rows},
        "sections": {each.title: [dict(zip(each.heads, row, strict=True)) for row in each.rows] for each in others},
        "relaxed": relaxed,
        "world": {"agents": agents, "steps": steps, "seed": seed},
        "tallies": {name: {"first": first, "last": last} for name, (first, last) in result.tallies.items()},
        "back_ends": result.backends,
        "differences": dict(result.differences),
    }
    say(lines, figures, as_json=as_json)
    if result.differences:
        raise typer.Exit(1)
