"""`lpm data`: the data catalogue."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from lpm_secure.data import catalogue

app = typer.Typer(no_args_is_help=True, help="Real data: what there is, where it lies, and under which licence.")
Name = Annotated[str, typer.Argument(help="As `lpm data list` shows it.", metavar="NAME")]


@app.command(name="list")
def list_() -> None:
    """List all datasets, and where they are found."""
    table = Table("name", "title", "licence", "files", "KiB", "found in", box=None)
    for name, entry in catalogue.datasets().items():
        size = sum(file.bytes for file in entry.files) // 1024
        found = catalogue.where(name)
        place = "not here" if found is None else str(found.parent)
        table.add_row(name, entry.title, entry.licence, str(len(entry.files)), f"{size:,}", place)
    Console().print(table)


@app.command()
def get(name: Name) -> None:
    """Check a dataset's files, fetch what is missing, and print where they are, their licence and their citation."""
    folder = catalogue.get(name)
    entry = catalogue.dataset(name)
    typer.echo(f"{folder}\nlicence: {entry.licence}\nplease cite: {entry.citation}")


@app.command()
def where(name: Name) -> None:
    """Print where a dataset lies; exit code 1 if it is not on this machine."""
    folder = catalogue.where(name)
    if folder is None:
        typer.echo(f"{name} is not on this machine; try: lpm data get {name}", err=True)
        raise typer.Exit(1)
    typer.echo(folder)
