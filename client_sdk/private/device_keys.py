"""A device's keys and their files: its own, and the public ones that it got from its contacts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from protocols.atomic_file import write_atomically
from protocols.errors import DataError
from protocols.file_mode import mode_for_others
from protocols.identity.signing import write_private

OWN: Final = "device.key"
CONTACTS: Final = "contact_keys.csv"
CARD: Final = "device_card.csv"  # what a device hands to those it meets: a row of their contact_keys.csv
KEY_BYTES: Final = 32
_HEADER: Final = ["agent", "key"]
_MAX_BYTES: Final = 16 * 2**20


@final
@dataclass(frozen=True, slots=True, eq=False)
class DeviceKeys:
    """A device's own key, and what it got from its contacts when they met.

    Attributes:
        own: X25519.
        contacts: public key of each contact, by its slot.
    """

    own: X25519PrivateKey = field(repr=False)
    contacts: Mapping[int, bytes] = field(repr=False)


def write_device_keys(folder: Path, keys: DeviceKeys, agents: list[int]) -> None:
    """Write a device's keys, readable by their owner alone; `agents` are the numbers of all slots."""
    own = keys.own.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()).hex()
    rows = [f"{agents[slot]},{key.hex()}" for slot, key in sorted(keys.contacts.items())]
    for name, content in ((OWN, own), (CONTACTS, "\n".join([",".join(_HEADER), *rows]))):
        write_atomically(folder / name, f"{content}\n".encode("ascii"))


def new_device(folder: Path, agent: int) -> None:
    """Make a device's own key, and the card that it hands to everybody whom it meets; with nobody met so far."""
    own = X25519PrivateKey.generate()
    write_device_keys(folder, DeviceKeys(own, {}), [])
    public = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    write_private(folder / CARD, f"{','.join(_HEADER)}\n{agent},{public}\n".encode())


def read_device_keys(folder: Path, slot_of: Mapping[int, int]) -> DeviceKeys:
    """Read what `write_device_keys` wrote.

    Args:
        folder: of the device.
        slot_of: the slot of each agent, by its number.

    Raises:
        DataError: a file is missing, too long, open to others, or holds something else.
    """
    own = X25519PrivateKey.from_private_bytes(_key(folder / OWN, _text(folder / OWN, private=True).strip()))
    path = folder / CONTACTS
    rows = [line.split(",") for line in _text(path, private=False).splitlines()]
    if not rows or rows.pop(0) != _HEADER:
        raise DataError(f"{path} has no columns {' and '.join(_HEADER)}; give one row for each contact")
    contacts: dict[int, bytes] = {}
    for number, row in enumerate(rows, start=1):
        if len(row) != len(_HEADER) or not row[0].isdecimal() or len(row[0]) > 19 or int(row[0]) not in slot_of:
            raise DataError(f"{path}, row {number}: a number of the manifest's agents and a key are needed")
        contacts[slot_of[int(row[0])]] = _key(path, row[1])
    return DeviceKeys(own, contacts)


def _text(path: Path, *, private: bool) -> str:
    try:
        size = path.stat().st_size
        if private and mode_for_others(path):
            raise DataError(f"{path} can be read by others; set its mode to 0600")
        if size > _MAX_BYTES:
            raise DataError(f"{path} has {size} bytes; at most {_MAX_BYTES} are allowed")
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: a run over permuted edges needs a device's keys") from error


def _key(path: Path, text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise DataError(f"{path} has a key that is not {KEY_BYTES} bytes in hexadecimal; exchange keys again")
    return key
