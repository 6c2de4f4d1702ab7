"""What a client's owner is told of contacts that another client does not list: in a file that stays there."""

import csv
import hashlib
import io
import os
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
from protocols.task import manifest as manifests
from protocols.task.manifest import Simulation
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
    name, key, verdict = files.state.name, _path(folder, manifest, "key"), _path(folder, manifest, "verdict")
    items = cross_contacts(manifest, name, files.contacts)
    digest = _digest(items)
    if verdict.exists() and read_private(verdict) == digest:
        return  # this client agreed on the same contacts before, and was started again
    secret = _secret(key)
    comparison = ContactComparison(manifest, name, transport, credentials, secret)
    missing, seals = await comparison.compare(items)
    rows = _rows(manifest, files, items, missing)
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


def remove_secret(folder: Path, manifest: Simulation) -> None:
    """Forget what a client's letters were made from, after the run; that it agreed stays."""
    _path(folder, manifest, "key").unlink(missing_ok=True)


def _path(folder: Path, manifest: Simulation, kind: str) -> Path:
    return folder / f"comparison-{manifests.run_id(manifest).hex()[:SHORT]}.{kind}"


def _digest(items: Items) -> bytes:
    """Return SHA-256 of what a client lists with each other client, which is bound to the run."""
    content = hashlib.sha256()
    for other, listed in sorted(items.items()):
        content.update(f"{other} {len(listed)} ".encode())
        content.update(b"".join(each for each, _ in listed))  # each of one size
    return content.digest()


def _rows(manifest: Simulation, files: PrivateFiles, items: Items, missing: Missing) -> list[tuple[int | str, ...]]:
    table, agents = files.contacts, [agent for client in manifest.clients for agent in client.agents]
    lacks = sorted((items[other][place][1], other) for other, each in missing.items() for place in each or ())
    return [
        (
            int(files.rows[row]),
            int(table.day[row]),
            agents[table.a[row]],
            agents[table.b[row]],
            manifest.channels[table.channel[row]],
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
