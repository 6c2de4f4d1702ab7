"""What a job yielded, in lines for a person or as JSON for a program."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from lpm_secure.report.summary import Summary

Json = Annotated[bool, typer.Option("--json", help="Print figures as JSON, in place of lines.")]


def show(summary: "Summary", as_json: bool = False) -> None:
    """Print what a run yielded, or its figures as JSON; exit code 1 if what it checks of itself does not hold."""
    say(summary.lines, summary.figures, as_json=as_json)
    if not summary.passed:
        raise typer.Exit(1)


def say(lines: Iterable[str], figures: Mapping[str, Any], *, as_json: bool) -> None:
    """Print lines, or figures as one line of JSON."""
    if as_json:
        typer.echo(json.dumps(dict(figures), default=str))
    for line in () if as_json else lines:
        typer.echo(line)
