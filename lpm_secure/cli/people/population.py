"""`lpm population`: synthetic cities, and populations of a user's own."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lpm_secure.cli.figures import Json, say

if TYPE_CHECKING:
    from lpm_secure.populations import Population

app = typer.Typer(
    no_args_is_help=True, help="Synthetic agents: build a city, look at it, or bring a table of your own."
)
Path_ = Annotated[Path, typer.Argument(help="Folder of a population.", metavar="PATH")]
Out = Annotated[Path, typer.Option(help="Folder to write; nothing may be there.")]


@app.command(name="nyc")
def nyc_(
    out: Out,
    agents: Annotated[str, typer.Option(help="How many: 8.4M, 100k, 250000.")] = "8.4M",
    seed: Annotated[int, typer.Option(help="Of all draws; the same seed gives the same bytes.", min=0)] = 1,
    *,
    as_json: Json = False,
) -> None:
    """Build New York City from public tables: people, households, schools, workplaces, community cells."""
    from lpm_secure.scenario.analyses import populations

    started = time.perf_counter()
    population = populations.build_population(out, agents=agents, seed=seed)
    _report(population, f"{time.perf_counter() - started:.1f} s", as_json=as_json)


@app.command()
def from_csv(
    people: Annotated[Path, typer.Argument(help="Columns person, age, place (optional), and one for each setting.")],
    venues: Annotated[Path, typer.Argument(help="Columns venue and setting.")],
    out: Out,
    *,
    as_json: Json = False,
) -> None:
    """Take people and venues from your own CSV files."""
    from lpm_secure.scenario.analyses import populations

    _report(populations.read_population(people, venues, out=out), "from your tables", as_json=as_json)


@app.command()
def show(path: Path_, *, as_json: Json = False) -> None:
    """Open a population, print its card, and write plots next to it."""
    from rich.console import Console

    from lpm_secure.cli.people.tables import card_tables
    from lpm_secure.populations.outbreak import OutbreakComparison
    from lpm_secure.populations.show import page_path
    from lpm_secure.report import page as pages
    from lpm_secure.scenario.analyses import populations

    found, page = populations.show_population(path), page_path(path)
    console = Console(quiet=as_json)
    for table in card_tables(found.result, OutbreakComparison.read(path, found.result)):
        console.print(table)
        console.print()
    if found.summary.page is not None:
        pages.write(page, found.summary.page)
    say((f"plots: {page}",), {**found.figures, "plots": str(page)}, as_json=as_json)


@app.command()
def check(
    path: Path_,
    seed: Annotated[int, typer.Option(help="Of the simulation draws.", min=0)] = 1,
    *,
    as_json: Json = False,
) -> None:
    """Run spring 2020 in New York City by the literature, and hold hospital admissions against those reported.

    Ratios of total and peak are kept in the population's card. Exit code 1 if one is beyond a factor of two.
    """
    from rich.console import Console

    from lpm_secure.cli.people.tables import record_table
    from lpm_secure.scenario.analyses import populations

    found = populations.check_population(path, seed=seed)
    Console(quiet=as_json).print(record_table(found.result))
    say((f"look at it: lpm population show {path}",), found.figures, as_json=as_json)
    if not found.passed:
        raise typer.Exit(1)


def _report(population: "Population", how: str, *, as_json: bool) -> None:
    broken = [each.name for each in population.card.marginals if not each.held]
    size = sum(column.bytes for column in population.card.columns.values()) / 2**20
    lines = (
        f"{population.path}: {population.n:,} agents, {size:,.1f} MiB, {how}",
        f"look at it: lpm population show {population.path}",
    )
    figures = {"folder": str(population.path), "agents": population.n, "mib": size, "broken": broken}
    say(lines, figures, as_json=as_json)
    for name in () if as_json else broken:
        typer.echo(f"further from its table than promised: {name}", err=True)
