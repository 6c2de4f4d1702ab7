"""`lpm population`: synthetic cities, and populations of a user's own."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lpm_secure.analysis.spring2020 import check as city_check
from lpm_secure.analysis.spring2020 import literature
from lpm_secure.populations import Population, user_tables
from lpm_secure.populations.agents import agents_of
from lpm_secure.populations.outbreak import OutbreakComparison
from lpm_secure.populations.show import page_of, tables, write_page
from lpm_secure.populations.show_check import record_table
from lpm_secure.populations.synthesis import nyc

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
) -> None:
    """Build New York City from public tables: people, households, schools, workplaces, community cells."""
    wanted = agents_of(agents)
    started = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[part]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"{wanted:,} agents", total=len(nyc.PARTS), part="")
        built = nyc.build(
            out,
            agents=wanted,
            seed=seed,
            on_part=lambda part: progress.update(bar, completed=nyc.PARTS.index(part), part=part),
        )
        progress.update(bar, completed=len(nyc.PARTS), part="done")
    _say(built, f"{time.perf_counter() - started:.1f} s")


@app.command()
def from_csv(
    people: Annotated[Path, typer.Argument(help="Columns person, age, place (optional), and one for each setting.")],
    venues: Annotated[Path, typer.Argument(help="Columns venue and setting.")],
    out: Out,
) -> None:
    """Take people and venues from your own CSV files."""
    _say(user_tables.from_csv(people, venues, out=out), "from your tables")


@app.command()
def show(path: Path_) -> None:
    """Check a population, print its card, and write plots next to it."""
    card = Population.open(path).card
    record = OutbreakComparison.read(path, card)
    console = Console()
    for table in tables(card, record):
        console.print(table)
        console.print()
    page = page_of(path)
    write_page(card, page, record)
    typer.echo(f"plots: {page}")


@app.command()
def check(path: Path_, seed: Annotated[int, typer.Option(help="Of the simulation draws.", min=0)] = 1) -> None:
    """Run spring 2020 in New York City by the literature, and hold hospital admissions against those reported.

    Ratios of total and peak are kept in the population's card. Exit code 1 if one is beyond a factor of two.
    """
    population = Population.open(path)
    columns = (TextColumn("spring 2020"), BarColumn(), TextColumn("day {task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task("days", total=(literature.LAST - literature.FIRST).days)
        record = city_check.check(population, seed=seed, on_day=lambda day, _: progress.update(bar, completed=day))
    record.write(path)
    Console().print(record_table(record))
    typer.echo(f"look at it: lpm population show {path}")
    if not record.held:
        raise typer.Exit(1)


def _say(built: Population, how: str) -> None:
    broken = [each.name for each in built.card.marginals if not each.held]
    size = sum(column.bytes for column in built.card.columns.values()) / 2**20
    typer.echo(f"{built.path}: {built.n:,} agents, {size:,.1f} MiB, {how}")
    typer.echo(f"look at it: lpm population show {built.path}")
    for name in broken:
        typer.echo(f"further from its table than promised: {name}", err=True)
