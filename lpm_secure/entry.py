"""The `lpm` command; a client's installation, which lacks the engine, is told what to install."""

import sys


def main() -> None:
    """Run the command line, if what it needs is installed."""
    try:
        from lpm_secure.cli.main import main as run  # noqa: PLC0415 - a client's installation lacks what this imports
    except ModuleNotFoundError as error:
        print(
            f"lpm: {error.name} is not installed; lpm needs: pip install 'lpm-secure[engine,aggregator]'",
            file=sys.stderr,
        )
        sys.exit(2)
    run()
