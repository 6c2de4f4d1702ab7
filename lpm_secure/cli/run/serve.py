"""`lpm serve`."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    folder: Annotated[Path, typer.Argument(help="That runs are in, or of one run.")] = Path("runs"),
    *,
    operator: Annotated[
        list[Path] | None,
        typer.Option(help="The folder or kit that an aggregator of this machine is started from; a page for it."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; this machine alone by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="To listen on; 0 for any that is free.")] = 8000,
) -> None:
    """Show the runs of a folder in a browser, and those that go on as they go.

    Prints an address with a token, without which nobody gets an answer; open it in a browser of this machine. Pages
    show what the engine of a run sees, and never a private number. Ends with Ctrl-C.
    """
    from lpm_secure.monitor.server import serve as serve_pages

    serve_pages(folder, operators=operator or (), host=host, port=port, say=typer.echo)
