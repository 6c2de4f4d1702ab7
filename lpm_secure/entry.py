"""The `lpm` command; a client's installation, which lacks the engine, is told what to install."""

import sys
from typing import Final

OWN: Final = ("lpm_secure", "client_sdk", "aggregator", "protocols")
OF_PAGES: Final = ("starlette", "uvicorn")
OF_CLIENTS: Final = ("enrol", "doctor", "start")  # a client's installation has all that these need


def main() -> None:
    """Run the command line, if what the command needs is installed."""
    try:
        from lpm_secure.cli.main import main as run  # noqa: PLC0415 - a client's installation lacks what this imports

        run()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OWN:
            raise  # no installation has it: a mistake of ours
        if sys.argv[1:2] in ([command] for command in OF_CLIENTS):
            from client_sdk.__main__ import main as run_client  # noqa: PLC0415 - only where the whole is not there

            sys.exit(run_client())
        from protocols.exit_code import tell  # noqa: PLC0415 - as above

        extras = "engine,aggregator,serve" if (error.name or "").partition(".")[0] in OF_PAGES else "engine,aggregator"
        tell("lpm", f"{error.name} is not installed; lpm needs: pip install 'lpm-secure[{extras}]'")
        sys.exit(2)
