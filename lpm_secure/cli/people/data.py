"""`lpm data`: the data catalogue."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Real data: what there is, where it lies, and under which licence.")
Name = Annotated[str, typer.Argument(help="As `lpm data list` shows it.", metavar="NAME")]


@app.command(name="list")
def list_() -> None:
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
    for name, entry in catalogue.datasets().items():
        size = sum(file.bytes for file in entry.files) // 1024
        folder = catalogue.where(name)
        place = "not here" if folder is None else str(folder.parent)
        table.add_row(name, entry.licence, str(len(entry.files)), f"{size:,}", place)
    Console().print(table)


@app.command()
def get(name: Name) -> None:
    """Fetch a dataset if it is not here, check its files, and print where they are.

    NAME is as `lpm data list` shows it. Licence, permitted use and citation are printed too. Exit code 2 if a file
    cannot be fetched or is not the original.
    """
    from lpm_secure.data import catalogue

    folder = catalogue.get(name)
    entry = catalogue.dataset(name)
    typer.echo(f"{folder}\nlicence: {entry.licence}\nuse: {entry.use}\nplease cite: {entry.citation}")


@app.command()
def where(name: Name) -> None:
    """Print the directory of a dataset, and fetch nothing.

    NAME is as `lpm data list` shows it. Exit code 1 if the dataset is not on this machine.
    """
    from lpm_secure.data import catalogue

    folder = catalogue.where(name)
    if folder is None:
        typer.echo(f"{name} is not on this machine; try: lpm data get {name}", err=True)
        raise typer.Exit(1)
    typer.echo(folder)
