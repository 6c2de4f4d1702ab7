"""A client's kit: its keys are made in it, it is checked, and the client takes part from it."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

from client_sdk import certificate_request
from client_sdk.private.device_keys import new_device
from protocols.atomic_file import write_atomically
from protocols.errors import BadSignature
from protocols.file_mode import PUBLIC_MODE
from protocols.identity import enrolment
from protocols.kit.doctor import require_healthy
from protocols.kit.kit import Kit


def enrol(kit: Kit) -> Path:
    """Make a client's keys in its kit, a device's with its card, and return the request for the run's operator.

    Raises:
        BadSignature: the invitation is not of the operator whose key the kit pins.
        ParameterError: there are keys already, or the invitation cannot be used.
    """
    invitation = kit.folder / f"{kit.file.name}.invitation"
    terms = enrolment.load_invitation(invitation).terms
    if (terms.name, terms.operator_key) != (kit.file.name, kit.file.operator_key):
        raise BadSignature(f"{invitation} is not of {kit.file.name} and the operator that the kit names; ask for yours")
    made = certificate_request.request(invitation, kit.credentials)
    write_atomically(kit.request, made.read_bytes(), mode=PUBLIC_MODE)
    if kit.file.device is not None:
        new_device(kit.folder, kit.file.device)
    return kit.request


def start(folder: Path, take_part: Callable[[Path], Coroutine[None, None, None]], say: Callable[[str], None]) -> None:
    """Check a client's kit, and take part in the run: read its tables, wait for its servers, and join.

    Args:
        folder: of the kit.
        take_part: runs a client from its configuration file.
        say: is given a line for each thing that is wrong.

    Raises:
        ConfigError: something is wrong with the kit.
        ParameterError: it is another party's.
    """
    kit = Kit.load(folder)
    kit.require_role("client")
    require_healthy(kit, say)
    asyncio.run(take_part(kit.config))
