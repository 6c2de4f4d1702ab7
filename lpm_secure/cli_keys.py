"""`lpm keys`: certificates for the parties of a run."""

from pathlib import Path
from typing import Annotated

import typer

from protocols import certificates
from protocols.errors import ParameterError


def keys(
    folder: Annotated[Path, typer.Argument(help="Where the authority and a folder for each party go.")],
    names: Annotated[
        list[str], typer.Argument(help="Parties, by their names in the manifest; `engine` for the engine.")
    ],
    days: Annotated[float, typer.Option(help="How long the certificates are valid.", min=0.01, max=825)] = 90.0,
) -> None:
    """Make certificates for mutual TLS, private keys with mode 0600.

    The first call in a folder makes its authority; later ones sign with it. Hand each party its own folder over a
    channel you trust, and keep `authority.key` off line: who holds it can pass for any party.
    """
    if (folder / "authority.key").exists():
        authority = certificates.read_authority(folder)
    else:
        authority = certificates.new_authority(f"authority of {folder.name}", days=days)
        certificates.write_authority(folder, authority)
    for name in names:
        if (folder / name).exists():
            raise ParameterError(f"{folder / name} is there already; remove it, or choose another name")
    for name in names:
        certificates.write(folder / name, authority.issue(name, days=days))
        typer.echo(folder / name)
