"""`lpm data`: the data catalogue, and a look over one's own tables."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lpm_secure.cli.figures import Json, say

if TYPE_CHECKING:
    from lpm_secure.calibration.series_check import SeriesCheck
    from lpm_secure.run.survey_check import SurveyCheck
    from lpm_secure.scenario.results.analysis import Analysis

app = typer.Typer(
    no_args_is_help=True,
    help="Real data: what there is, where it lies, and under which licence; and a look over tables of your own.",
)
Name = Annotated[str, typer.Argument(help="As `lpm data list` shows it.", metavar="NAME")]


@app.command(name="list")
def list_(*, as_json: Json = False) -> None:
    """List all datasets, and where they are found."""
    from rich.console import Console
    from rich.table import Column, Table

    from lpm_secure.data import catalogue

    table = Table(
        Column("name", no_wrap=True),
        Column("licence", overflow="fold"),
        Column("files", justify="right"),
        Column("KiB", justify="right"),
        Column("found in", overflow="fold"),
        box=None,
    )
    figures = {}
    for name, entry in catalogue.datasets().items():
        size, folder = sum(file.bytes for file in entry.files), catalogue.where(name)
        place = "not here" if folder is None else str(folder.parent)
        table.add_row(name, entry.licence, str(len(entry.files)), f"{size // 1024:,}", place)
        given = {"licence": entry.licence, "files": len(entry.files), "bytes": size}
        figures[name] = given | {"folder": None if folder is None else str(folder)}
    Console(quiet=as_json).print(table)
    say((), figures, as_json=as_json)


@app.command()
def get(name: Name, *, as_json: Json = False) -> None:
    """Fetch a dataset if it is not here, check its files, and print where they are.

    NAME is as `lpm data list` shows it. Licence, permitted use and citation are printed too. Exit code 2 if a file
    cannot be fetched or is not the original.
    """
    from lpm_secure.data import catalogue
    from lpm_secure.scenario.analyses.tables import get_dataset

    folder = get_dataset(name)
    entry = catalogue.dataset(name)
    lines = (f"{folder}", f"licence: {entry.licence}", f"use: {entry.use}", f"please cite: {entry.citation}")
    given = {"licence": entry.licence, "use": entry.use, "citation": entry.citation}
    say(lines, {"folder": str(folder)} | given, as_json=as_json)


@app.command()
def where(name: Name, *, as_json: Json = False) -> None:
    """Print the directory of a dataset, and fetch nothing.

    NAME is as `lpm data list` shows it. Exit code 1 if the dataset is not on this machine.
    """
    from lpm_secure.data import catalogue

    folder = catalogue.where(name)
    if folder is None:
        typer.echo(f"{name} is not on this machine; try: lpm data get {name}", err=True)
    found = None if folder is None else str(folder)
    say(() if found is None else (found,), {"folder": found}, as_json=as_json)
    if folder is None:
        raise typer.Exit(1)


@app.command()
def series(
    config: Annotated[Path, typer.Argument(help="A calibration's configuration (.toml).", metavar="CONFIG")],
    *,
    out: Annotated[Path | None, typer.Option(help="The page with plots; beside CONFIG unless given.")] = None,
    as_json: Json = False,
) -> None:
    """Say what `lpm calibrate CONFIG` would read: institutions, dates, what is missing or censored; and plot it.

    Nothing leaves this machine; the page has every value, and can be read by you alone. Exit code 2 and one line for a
    mistake, with file and row.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lpm_secure.scenario.analyses.tables import check_series

    found = check_series(config)
    checked = found.result
    head, each = Table(box=None, show_header=False), Table(box=None, padding=(0, 1, 0, 0))
    for name, value in checked.summary:
        head.add_row(name, Text(value))
    rows = [  # both dates in one column, so that names have room on a narrow terminal
        {name: f"{value}\n{row['last']}" if name == "first" else value for name, value in row.items() if name != "last"}
        for row in checked.institutions
    ]
    for column in rows[0]:
        names = column in ("institution", "places")
        title = "first\nand last" if column == "first" else column.replace(" ", "\n")
        each.add_column(title, overflow="fold", no_wrap=not names, justify="left" if names else "right")
    for row in rows:
        each.add_row(*(Text(f"{value:g}" if isinstance(value, float) else str(value)) for value in row.values()))
    for table in (head, each):
        Console(quiet=as_json).print(table)
    _end(found, out or config.with_suffix(".html"), as_json=as_json)


@app.command()
def check(
    people: Annotated[Path, typer.Argument(help="A table with a row for each person: CSV or Parquet.")],
    contacts: Annotated[Path | None, typer.Argument(help="A table with a row for each contact.")] = None,
    *,
    model: Annotated[str, typer.Option(help="Its name, or a run's configuration (.toml), which says the rest too.")],
    clients: Annotated[str | None, typer.Option(help="The column that says whose client a person is.")] = None,
    cells: Annotated[str | None, typer.Option(help="The column that says in which cell a person is.")] = None,
    start: Annotated[
        datetime.datetime | None, typer.Option(help="Day of the first step.", formats=["%Y-%m-%d"])
    ] = None,
    dt: Annotated[float, typer.Option(help="Days in a step.")] = 1.0,
    out: Annotated[Path | None, typer.Option(help="The page with plots; beside PEOPLE unless given.")] = None,
    as_json: Json = False,
) -> None:
    """Say what a run would read in people and contacts of your own, and plot degree, days and stages.

    Nothing leaves this machine; the page has counts alone, and can be read by you alone. Exit code 2 and one line for
    a mistake, with file and row.
    """
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from lpm_secure.scenario.analyses.tables import check_people

    day = start.date() if start else None
    found = check_people(people, contacts, model=model, clients=clients, cells=cells, start=day, dt=dt)
    table = Table(Column("", no_wrap=True), Column("", overflow="fold"), box=None, show_header=False)
    for name, value in found.result.rows:
        table.add_row(Text(name), Text(value))
    Console(quiet=as_json).print(table)
    _end(found, out or people.with_suffix(".html"), as_json=as_json)


def _end(found: "Analysis[SurveyCheck] | Analysis[SeriesCheck]", plots: Path, *, as_json: bool) -> None:
    """Write the page, and print warnings and where it is; or all as JSON."""
    from lpm_secure.report import page as pages
    from protocols.file_mode import PRIVATE_MODE

    if found.summary.page is not None:
        pages.write(plots, found.summary.page, mode=PRIVATE_MODE)
    for line in () if as_json else found.result.warnings:
        typer.echo(f"warning: {line}", err=True)
    say((f"plots: {plots}",), {**found.figures, "plots": str(plots)}, as_json=as_json)
