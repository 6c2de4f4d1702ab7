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
    from lpm_secure.cli.progress import part_bar
    from lpm_secure.populations.agents import agents_of
    from lpm_secure.populations.synthesis import nyc

    n = agents_of(agents)
    started = time.perf_counter()
    with part_bar(f"{n:,} agents", parts=nyc.PARTS) as on_part:
        population = nyc.build(out, agents=n, seed=seed, on_part=on_part)
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
    from lpm_secure.populations import user_tables

    _report(user_tables.from_csv(people, venues, out=out), "from your tables", as_json=as_json)


@app.command()
def show(path: Path_, *, as_json: Json = False) -> None:
    """Open a population, print its card, and write plots next to it."""
    import msgspec
    from rich.console import Console

    from lpm_secure.cli.people.tables import card_tables
    from lpm_secure.populations import Population
    from lpm_secure.populations.outbreak import OutbreakComparison
    from lpm_secure.populations.show import page_of, page_path
    from lpm_secure.report import page as pages

    card = Population.open(path).card
    record = OutbreakComparison.read(path, card)
    console = Console(quiet=as_json)
    for table in card_tables(card, record):
        console.print(table)
        console.print()
    page = page_path(path)
    pages.write(page, page_of(card, record))
    figures = {"card": msgspec.to_builtins(card), "check": msgspec.to_builtins(record), "plots": str(page)}
    say((f"plots: {page}",), figures, as_json=as_json)


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
    import msgspec
    from rich.console import Console

    from lpm_secure.analysis import outbreak
    from lpm_secure.cli.people.tables import record_table
    from lpm_secure.cli.progress import day_bar
    from lpm_secure.populations import Population

    population = Population.open(path)
    with day_bar("spring 2020", days=outbreak.DAYS) as on_day:
        record = outbreak.check(population, seed=seed, on_day=lambda day, words, counts: on_day(day))
    record.write(path)
    Console(quiet=as_json).print(record_table(record))
    figures = {"total": record.total, "peak": record.peak, "held": record.held} | msgspec.to_builtins(record)
    say((f"look at it: lpm population show {path}",), figures, as_json=as_json)
    if not record.held:
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
