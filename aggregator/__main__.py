"""One operator's server.

python -m aggregator enrol KIT               makes this server's keys, and a request for the run's operator
python -m aggregator doctor KIT              tells what is wrong with the kit, a line each
python -m aggregator start KIT               checks the kit, signs the manifest as this server's operator, and serves
python -m aggregator show KIT PARTY...       makes folders that show an audit what these parties were told, no others
python -m aggregator --config FILE           an aggregator, without a kit: holds one additive share of everything
python -m aggregator dealer --config FILE    the dealer: hands the aggregators randomness, and sees no input
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aggregator import config, kit
from aggregator.log import start_log
from protocols import folder_lock
from protocols.exit_code import exit_code_of, tell
from protocols.kit.doctor import require_healthy
from protocols.kit.kit import Kit


def main() -> int:
    """Serve what the configuration or the kit names, until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m aggregator",
        description=__doc__,
        epilog=f"{config.AggregatorConfig.__doc__}\n\nThe dealer's: {config.DealerFile.__doc__}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = ("aggregator", "dealer", *COMMANDS)
    parser.add_argument("command", nargs="?", choices=commands, default="aggregator")
    parser.add_argument("kit", nargs="?", type=Path, help="the folder that the run's operator made for this server")
    parser.add_argument("party", nargs="*", help="of a run: whose answers `show` shows")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML; see below")
    given = parser.parse_args()
    if (given.command in COMMANDS) != (given.config is None) or (given.kit is None) != (given.config is not None):
        parser.error("give --config FILE, or one of enrol, doctor, start and show with a kit")
    if (given.command == "show") != bool(given.party):
        parser.error("give the names of parties with show, and with nothing else")
    start_log()
    if given.command in COMMANDS:
        return exit_code_of(given.command, lambda: COMMANDS[given.command](given.kit, *given.party))
    return exit_code_of(given.command, lambda: serve(given.command, given.config))


def _enrol(folder: Path) -> None:
    print(kit.enrol(Kit.load(folder)))


def _doctor(folder: Path) -> None:
    print(require_healthy(Kit.load(folder), lambda line: tell("doctor", line), peers=True))


def _start(folder: Path) -> None:
    kit.start(folder, serve, lambda line: tell("start", line))


def _show(folder: Path, *parties: str) -> None:
    print(*kit.show(Kit.load(folder), parties), sep="\n")


COMMANDS: Final[dict[str, Callable[..., None]]] = {"enrol": _enrol, "doctor": _doctor, "start": _start, "show": _show}


def serve(role: str, path: Path) -> None:
    """Run an aggregator or a dealer from its configuration file."""
    if role == "dealer":
        deal(path)
    else:
        aggregate(path)


def aggregate(path: Path) -> None:
    """Run an aggregator."""
    from aggregator.wire.server import serve  # noqa: PLC0415 - keys are made without gRPC

    given, folder = config.load(path), path.resolve().parent
    with folder_lock.hold(folder / f"{given.name}.lock"):
        asyncio.run(serve(given, folder))


def deal(path: Path) -> None:
    """Run a dealer."""
    from aggregator.wire import dealer_server  # noqa: PLC0415 - as above

    given, folder = config.load_dealer(path), path.resolve().parent
    with folder_lock.hold(folder / f"{given.name}.lock"):
        dealer_server.serve(given, folder)


if __name__ == "__main__":
    sys.exit(main())
