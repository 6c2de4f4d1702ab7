"""What parties import, for fork servers: a client loads neither torch nor what servers need, and says so at its end."""

from collections.abc import Sequence
from typing import Final

CLIENT: Final = ("client_sdk.__main__", "client_sdk.institution")
ACTIVE_SERVER: Final = ("aggregator.__main__", "aggregator.wire.server")
SERVER: Final = (*ACTIVE_SERVER, "aggregator.mpc.session", "aggregator.on_shares.crypten_backend")


def modules_for(program: Sequence[str], *, active: bool) -> tuple[str, ...]:
    """Return the modules of a party's program."""
    if program[0] != "aggregator":
        return CLIENT
    return ACTIVE_SERVER if active else SERVER
