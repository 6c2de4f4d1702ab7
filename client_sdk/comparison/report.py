"""What a client's owner is told of contacts that another client does not list: in a file that stays there."""

import csv
import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from client_sdk.comparison.comparison import ContactComparison, Missing
from client_sdk.comparison.cross_contacts import Items, cross_contacts
from client_sdk.private.files import PrivateFiles
from protocols.atomic_file import create_atomically, write_atomically
from protocols.errors import DataError
from protocols.identity.certificates import Credentials
from protocols.identity.signing import read_private
from protocols.releases.ledger import SHORT
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation, run_id
from protocols.task.parties import ClientParty
from protocols.wire.transport import Transport

REPORT: Final = "one_sided.csv"
HEADER: Final = ("row", "step", "a", "b", "channel", "weight", "client")
SECRET_BYTES: Final = 32


async def require_counterparts(
    manifest: Simulation, files: PrivateFiles, transport: Transport, *, credentials: Credentials, folder: Path
) -> None:
    """Compare a client's contacts with the other clients', and refuse to go on where one of them lacks some.

    Which these are is written into `one_sided.csv` in the client's folder, for its owner alone. A client that has
    agreed with the others before, and lists the same still, asks nobody again: those who never came would let it wait.

    Raises:
        DataError: a client lacks some; the message says how many, and not which.
        RunEnded: another client has found some.
    """
    name, run, layout = files.state.name, run_id(manifest), Layout.of(manifest)
    key, verdict = _path(folder, run, "key"), _path(folder, run, "verdict")
    items = cross_contacts(run, layout, name, files.contacts, directed=manifest.model.agents.directed)
    digest = _digest(items)
    if verdict.exists() and read_private(verdict) == digest:
        return  # this client agreed on the same contacts before, and was started again
    secret = _secret(key)
    comparison = ContactComparison(run, name, transport, credentials, secret, manifest.join_timeout_s)
    missing, seals = await comparison.compare(items)
    rows = _rows(manifest.clients, manifest.channels, files, _lacks(items, missing))
    write_atomically(folder / REPORT, _csv(rows))  # its owner has it, whatever comes of the verdicts
    await comparison.agree(missing, seals)
    unlike = [f"{other} ({len(items[other]):,} here)" for other, each in missing.items() if each is None]
    if unlike:
        raise DataError(
            f"{files.path}: the lists of contacts with agents of {', '.join(unlike)} differ too much in length to be "
            "compared; ask its operator what it lists, and the run's operator for another manifest"
        )
    if rows:
        others = sorted({str(row[-1]) for row in rows})
        raise DataError(
            f"{files.path}: contacts with agents of {', '.join(others)} that are not listed there: {len(rows):,}; see "
            f"{REPORT}. List them on both sides or on neither, and ask the run's operator for another manifest"
        )
    write_atomically(verdict, digest)


def remove_secret(folder: Path, run: bytes) -> None:
    """Forget what a client's letters were made from, after the run; that it agreed stays."""
    _path(folder, run, "key").unlink(missing_ok=True)


def _path(folder: Path, run: bytes, kind: str) -> Path:
    return folder / f"comparison-{run.hex()[:SHORT]}.{kind}"


def _digest(items: Items) -> bytes:
    """Return SHA-256 of what a client lists with each other client, which is bound to the run."""
    content = hashlib.sha256()
    for other, listed in sorted(items.items()):
        content.update(f"{other} {len(listed)} ".encode())
        content.update(b"".join(each for each, _ in listed))  # each of one size
    return content.digest()


def _lacks(items: Items, missing: Missing) -> list[tuple[int, str]]:
    """Return the rows of contacts that another client lacks, and which."""
    return sorted((items[other][place][1], other) for other, each in missing.items() for place in each or ())


def _rows(
    clients: Sequence[ClientParty], channels: Sequence[str], files: PrivateFiles, lacks: list[tuple[int, str]]
) -> list[tuple[int | str, ...]]:
    table, agents = files.contacts, [agent for client in clients for agent in client.agents]
    return [
        (
            int(files.rows[row]),
            int(table.day[row]),
            agents[table.a[row]],
            agents[table.b[row]],
            channels[table.channel[row]],
            int(table.weight[row]),
            other,
        )
        for row, other in lacks
    ]


def _csv(rows: list[tuple[int | str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    return text.getvalue().encode()


def _secret(path: Path) -> bytes:
    """Return the secret that a client keeps for a run, so that it says the same again after a restart."""
    create_atomically(path, os.urandom(SECRET_BYTES))
    return read_private(path)
