"""`python -m aggregator --config FILE`: one operator's server."""

import argparse
import asyncio
import sys
from pathlib import Path

from aggregator import config
from aggregator.log import start_log
from aggregator.wire.server import serve
from protocols.errors import ParameterError


def main() -> int:
    """Serve the runs that the configuration names, until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m aggregator",
        description=__doc__,
        epilog=config.AggregatorConfig.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML; see below")
    path: Path = parser.parse_args().config
    start_log()
    try:
        asyncio.run(serve(config.load(path), path.resolve().parent))
    except ParameterError as error:
        print(f"aggregator: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
