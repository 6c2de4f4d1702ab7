"""The index of a run's folder: every file's size and hash, signed by the run's operator."""

import hashlib
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpm_secure.report.public_file import write_public
from protocols import canonical_json
from protocols.errors import LpmError
from protocols.identity import signing
from protocols.identity.signing import Signature, SignaturePurpose
from protocols.releases.deliveries import path_beside

INDEX: Final = "index.json"
MANIFEST: Final = "manifest.json"
LEDGERS: Final = "ledgers"  # a folder, with NAME.jsonl of each aggregator
DELIVERIES: Final = "deliveries"  # in it, with NAME.jsonl of each that shows any: no name of one is another's
OWN: Final = (INDEX, "audit.json", "audit.html")  # written after, or by, the audit
MAX_INDEX: Final = 2**28
Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


@final
class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the run: its path below the folder, its size, and its SHA-256."""

    path: str
    size: int
    sha256: Digest


@final
class Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All files of a run, in the order of their paths; the signature is over these in canonical form."""

    version: Literal[1] = 1
    files: tuple[File, ...]
    signature: Signature


def write(folder: Path, key: Ed25519PrivateKey) -> None:
    """Hash all files of a run that has ended, and sign the list."""
    files = tuple(files_of(folder))
    signature = signing.sign(key, SignaturePurpose.INDEX, _content(files))
    write_public(folder / INDEX, canonical_json.encode(Index(files=files, signature=signature)))


def files_of(folder: Path) -> list[File]:
    """Return what is in a folder now; a link counts as what it says, and is not followed."""
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = [(path.relative_to(folder).as_posix(), path) for path in paths]
    return [_file(name, path) for name, path in names if name not in OWN]


def differences(folder: Path, operator_key: bytes) -> list[str]:
    """Return a line for each file that is not as it was when the run ended, or for the index itself."""
    try:
        index = canonical_json.load(folder / INDEX, Index, what="index", max_bytes=MAX_INDEX)
        signing.verify(operator_key, SignaturePurpose.INDEX, _content(index.files), index.signature)
    except LpmError as error:
        return [f"{INDEX}: {error}"]
    signed, now = ({each.path: each for each in files} for files in (index.files, files_of(folder)))
    lines = [f"{path}: missing" for path in signed.keys() - now.keys()]
    lines += [f"{path}: not there when the run ended" for path in now.keys() - signed.keys()]
    lines += [f"{path}: changed" for path in signed.keys() & now.keys() if signed[path] != now[path]]
    return sorted(lines)


def copy_ledgers(ledgers: Mapping[str, Path], folder: Path) -> None:
    """Copy ledgers, by aggregator, to a run's folder, with the deliveries that lie beside them."""
    apart = folder / LEDGERS / DELIVERIES
    apart.mkdir(parents=True, exist_ok=True)
    for name, path in ledgers.items():
        if path.exists():
            shutil.copyfile(path, folder / LEDGERS / f"{name}.jsonl")
        if (beside := path_beside(path)).exists() and beside not in ledgers.values():
            shutil.copyfile(beside, apart / f"{name}.jsonl")


def deliveries_of(folder: Path, name: str, names: Collection[str]) -> Path | None:
    """Return the deliveries that an aggregator shows, if it shows any: in a folder of before they lie beside ledgers.

    Args:
        name: of the aggregator.
        names: of all: what is called like deliveries may be the ledger of another one.
    """
    ledger = folder / LEDGERS / f"{name}.jsonl"
    path, beside = ledger.parent / DELIVERIES / ledger.name, path_beside(ledger)
    if not path.exists() and beside.stem not in names:
        path = beside
    return path if path.exists() else None


def _content(files: tuple[File, ...]) -> bytes:
    return msgspec.json.encode(files, order="deterministic")


def _file(name: str, path: Path) -> File:
    if path.is_symlink():
        target = os.fsencode(os.readlink(path))
        return File(name, len(target), hashlib.sha256(b"link" + target).digest())
    if not path.is_file():
        return File(name, 0, hashlib.sha256(b"neither file nor folder").digest())
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return File(name, path.stat().st_size, digest)
