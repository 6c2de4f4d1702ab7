"""A server's kit: its keys are made in it, it is checked, the manifest countersigned, and the server serves from it."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from protocols import canonical_json
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.file_mode import PUBLIC_MODE
from protocols.identity import server_request
from protocols.kit.doctor import require_healthy
from protocols.kit.kit import Kit
from protocols.releases import deliveries

NAMES: Final = (deliveries.LEDGER, "shown-")


def enrol(kit: Kit) -> Path:
    """Make a server's or the engine's keys in its kit, and return the request to hand to the run's operator.

    Raises:
        ParameterError: there are keys already.
    """
    made = server_request.request(kit.credentials, kit.file.name, kit.file.operator, dealer=not kit.file.sealed)
    write_atomically(kit.request, canonical_json.encode(made), mode=PUBLIC_MODE)
    return kit.request


def start(folder: Path, serve: Callable[[str, Path], None], say: Callable[[str], None]) -> None:
    """Check a server's kit, sign the manifest as its operator, and serve.

    Args:
        folder: of the kit.
        serve: runs a server of a role from its configuration file.
        say: is given a line for the operator.

    Raises:
        ConfigError: something is wrong with the kit.
        ParameterError: it is another party's.
    """
    kit = Kit.load(folder)
    kit.require_role("aggregator", "dealer")
    require_healthy(kit, say)
    say(f"countersigned: hand {kit.countersign()} to every client, whose policy asks for it")
    serve(kit.file.role, kit.config)


def show(kit: Kit, parties: Collection[str]) -> list[Path]:
    """Make a folder for each run that told some parties anything, with its ledger and what they were told.

    Raises:
        ParameterError: it has no ledger, told one of them nothing in any run, or a folder is there already.
    """
    kit.require_role("aggregator")
    ledgers = sorted(kit.folder.glob(f"{deliveries.LEDGER}*.jsonl"))
    if not ledgers:
        raise ParameterError(f"{kit.folder} has no ledger: this aggregator has served no run from it")
    return deliveries.write_only({each: each.with_name(each.stem.replace(*NAMES, 1)) for each in ledgers}, parties)
