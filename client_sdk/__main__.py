"""`python -m client_sdk --config FILE`: an institution's client, for one run."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

import msgspec

from client_sdk import config, connect, read_credentials, read_private_state
from client_sdk.gradients.take_part import take_part as join
from protocols.certificates import expires_soon
from protocols.errors import LpmError, ParameterError
from protocols.signed_manifest import load_verified


async def take_part(path: Path) -> None:
    """Join the run that a configuration names, take part to its end, and write a summary."""
    given, folder = config.load(path), path.resolve().parent
    manifest = load_verified(folder / given.manifest, operator_key=given.operator_key)
    private = read_private_state(manifest, given.name, people=folder / given.people, contacts=folder / given.contacts)
    credentials = read_credentials(folder / given.credentials)
    if soon := expires_soon(credentials.certificate):
        print(f"client: {soon}", file=sys.stderr)
    transports = connect(manifest, credentials, relay=given.relay)
    client = await join(manifest, private, transports)
    started = time.perf_counter()
    await client.run()
    summary = {
        "steps": manifest.steps,
        "seconds": time.perf_counter() - started,
        "sent_bytes": sum(each.sent for each in transports),
        "received_bytes": sum(each.received for each in transports),
        "missed_steps": client.missed,
        "modules": sorted(sys.modules.keys() & {"torch", "crypten", "flwr"}),
    }
    (folder / given.summary).write_bytes(msgspec.json.encode(summary))
    for transport in transports:
        await transport.close()


def main() -> int:
    """Run one client; a mistake in its files is one line and exit code 2, a run that cannot go on exit code 3."""
    parser = argparse.ArgumentParser(
        prog="python -m client_sdk",
        description=__doc__,
        epilog=config.ClientConfig.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML; see below")
    try:
        asyncio.run(take_part(parser.parse_args().config))
    except LpmError as error:
        print(f"client: {error}", file=sys.stderr)
        return 2 if isinstance(error, ParameterError) else 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
