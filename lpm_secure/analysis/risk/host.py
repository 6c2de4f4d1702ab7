"""Simulated devices, some to a process: each with its own files, keys, consent and connections.

python -m lpm_secure.analysis.risk.host --config FILE
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, final

import msgspec
import numpy as np

from client_sdk import Client, PrivateState, config, connect, read_credentials, read_private_state
from client_sdk.admission import admit
from lpm_secure.analysis.risk import personal
from protocols.errors import LpmError, ParameterError, ProtocolError
from protocols.task.manifest import Manifest
from protocols.toml_file import load_config
from protocols.wire.transport import Transport

Connect = Callable[[Manifest, Path], list[Transport]]


@final
class HostFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a host reads.

    Attributes:
        devices: folders of the devices in the run.
        risks: folders in which the same devices keep their risks; without them, the run is the one that finds these.
        bins: of the distribution.
    """

    devices: tuple[str, ...]
    risks: tuple[str, ...] = ()
    bins: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0


async def week(manifest: Manifest, private: PrivateState, transports: list[Transport]) -> personal.Personal:
    """Take part in the simulation, and return what the device learned of its person.

    Raises:
        ProtocolError: a round closed without the device, so that its worlds are not the others'.
    """
    first = np.array(private.state["stage"], dtype=np.int64)
    client = await Client.join(manifest, private, transports)
    await client.run()
    if client.missed:
        raise ProtocolError(
            f"{private.name} missed step {client.missed[0]}, so it has no risk to show; allow longer rounds"
        )
    return personal.Personal.of(first, np.array(private.state["stage"], dtype=np.int64))


async def join_distribution(
    manifest: Manifest, private: PrivateState, transports: list[Transport], *, risk: personal.Personal, bins: int
) -> None:
    """Take part in the distribution, in the bin of the device's own risk."""
    private.cell = np.array([risk.bin(bins)], dtype=np.int64)
    client = await Client.join(manifest, private, transports)
    await client.run()


async def _device(folder: Path, risk_of: Path | None, bins: int) -> None:
    """Let one device take part, by its own files."""
    given = config.load(folder / "config.toml")
    manifest = admit(given, folder)
    private = read_private_state(manifest, given.name, people=folder / given.people, contacts=folder / given.contacts)
    transports = connect(manifest, read_credentials(folder / given.credentials), relay=given.relay)
    try:
        if risk_of is None:
            (await week(manifest, private, transports)).write(folder)
        else:
            await join_distribution(manifest, private, transports, risk=personal.read(risk_of), bins=bins)
    finally:
        for transport in transports:
            await transport.close()


async def _all(given: HostFile) -> None:
    risks: list[Path | None] = [Path(risk) for risk in given.risks] or [None] * len(given.devices)
    pairs = zip(given.devices, risks, strict=True)
    await asyncio.gather(*(_device(Path(device), risk, given.bins) for device, risk in pairs))


def main() -> int:
    """Run the devices of one file; exit code 2 for a mistake in their files, 3 for a run that cannot go on."""
    parser = argparse.ArgumentParser(prog="python -m lpm_secure.analysis.risk.host", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML")
    try:
        asyncio.run(_all(load_config(parser.parse_args().config, HostFile)))
    except LpmError as error:
        print(f"devices: {error}", file=sys.stderr)
        return 2 if isinstance(error, ParameterError) else 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
