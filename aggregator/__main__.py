"""One operator's server.

python -m aggregator --config FILE           an aggregator: holds one additive share of everything
python -m aggregator dealer --config FILE    the dealer: hands the aggregators randomness, and sees no input
"""

import argparse
import asyncio
import signal
import sys
import threading
from pathlib import Path

from aggregator import config
from aggregator.log import start_log
from aggregator.permutation.roles import Role
from protocols import folder_lock
from protocols.errors import ParameterError
from protocols.identity.server_keys import server_keys
from protocols.task import manifest as manifests
from protocols.task.manifest import is_active, require_simulation
from protocols.task.signature import load_verified, trust_of


def main() -> int:
    """Serve what the configuration names, until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m aggregator",
        description=__doc__,
        epilog=f"{config.AggregatorConfig.__doc__}\n\nThe dealer's: {config.DealerFile.__doc__}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("role", nargs="?", choices=("aggregator", "dealer"), default="aggregator")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML; see below")
    given = parser.parse_args()
    start_log()
    try:
        if given.role == "dealer":
            deal(given.config)
        else:
            aggregate(given.config)
    except ParameterError as error:
        print(f"{given.role}: {error}", file=sys.stderr)
        return 2
    return 0


def aggregate(path: Path) -> None:
    """Run an aggregator."""
    from aggregator.wire.server import serve  # noqa: PLC0415 - CrypTen's dealer needs no gRPC

    given, folder = config.load(path), path.resolve().parent
    with folder_lock.hold(folder / f"{given.name}.lock"):
        asyncio.run(serve(given, folder))


def deal(path: Path) -> None:
    """Run a dealer."""
    given, folder = config.load_dealer(path), path.resolve().parent
    with folder_lock.hold(folder / f"{given.name}.lock"):
        _deal(given, folder)


def _deal(given: config.DealerFile, folder: Path) -> None:
    manifest = load_verified(folder / given.manifest, operator_key=given.operator_key)
    if is_active(manifest):
        from aggregator.wire.masked_server import serve_dealer as serve_masked_dealer  # noqa: PLC0415

        asyncio.run(serve_masked_dealer(given, folder, manifest))
        return
    manifest = require_simulation(manifest)
    from aggregator.mpc import DealerConfig, serve_dealer  # noqa: PLC0415 - torch is for runs that are not active
    from aggregator.on_shares.crypten_backend import identity, parties_of  # noqa: PLC0415

    server_keys(folder / given.credentials, trust_of(manifest).keys, given.name)
    parties, me = parties_of(manifest)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if manifest.devices is not None:
        from aggregator.permutation.worker import permutation_config, serve_third  # noqa: PLC0415

        config_of_third = permutation_config(manifest, Role.C, identity(folder / given.credentials))
        threading.Thread(target=serve_third, args=(config_of_third, stop), daemon=True).start()
    serve_dealer(
        DealerConfig(
            me=me,
            parties=parties,
            identity=identity(folder / given.credentials),
            run=manifests.run_id(manifest),
            timeout_s=manifest.round_timeout_s,
            testbed=given.testbed,
        ),
        stop=stop,
    )


if __name__ == "__main__":
    sys.exit(main())
