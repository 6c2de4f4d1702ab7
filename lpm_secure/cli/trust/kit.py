"""`lpm doctor` and `lpm start`: check a kit, and take part from it."""

from pathlib import Path
from typing import Annotated

import typer

from lpm_secure.cli.figures import Json, say

Kit = Annotated[Path, typer.Argument(help="The folder that the run's operator made for this party.", metavar="KIT")]


def doctor(kit: Kit, *, as_json: Json = False) -> None:
    """Check a party's kit: clock, files, certificates, proxies, disk, ports, peers; exit code 2 if anything is wrong.

    Puts the operator's answer beside the keys, if it is there.
    """
    from protocols.kit import kit as kits
    from protocols.kit.doctor import require_healthy

    notices = list[str]()

    def tell(line: str) -> None:
        notices.append(line)
        _say(line)

    verdict = require_healthy(kits.Kit.load(kit), tell, peers=True)
    say((verdict,), {"kit": str(kit), "verdict": verdict, "notices": notices}, as_json=as_json)


def start(kit: Kit) -> None:
    """Check a party's kit, and take part in its run: a client or the engine to its end, a server until told to stop.

    A server's operator signs the manifest by this.
    """
    from protocols.kit import kit as kits

    role = kits.Kit.load(kit).file.role
    if role == "engine":
        from lpm_secure.cli.trust.engine import start_engine

        for line in start_engine(kit, _say).lines:
            typer.echo(line)
    elif role == "client":
        from client_sdk import __main__ as client
        from client_sdk.kit import start as start_client

        start_client(kit, client.take_part, _say)
    else:
        from aggregator import __main__ as server
        from aggregator.kit import start as start_server

        start_server(kit, server.serve, _say)


def _say(line: str) -> None:
    typer.echo(f"lpm: {line}", err=True)
