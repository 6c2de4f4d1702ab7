"""Which client a manifest asks for."""

from collections.abc import Callable
from typing import Protocol

from client_sdk.gradients.adjoints import AdjointClient
from client_sdk.gradients.tangents import TangentClient
from client_sdk.private.state import PrivateState
from client_sdk.simulation.client import Client
from client_sdk.simulation.exchange import RoundExchange
from protocols.task.manifest import Simulation


class Participant(Protocol):
    """A client that has joined a run."""

    missed: list[int]

    async def run(self, on_step: Callable[[int], None] = ...) -> None:
        """Take part until the run ends."""


async def take_part_over(
    manifest: Simulation, private: PrivateState, exchange: RoundExchange, *, states_every: int = 1
) -> Participant:
    """Join a run as its manifest says: with messages alone or scores, with tangents, or with adjoints.

    Of an adjoint run's states, those of every `states_every`-th step are kept.

    Raises:
        ModelError: a run with derivatives is of a model without a local chain.
        ProtocolError: an aggregator refuses.
    """
    way = None if manifest.gradient is None else manifest.gradient.way
    if way == "tangents":
        return await TangentClient.join_over(manifest, private, exchange)
    if way != "adjoints":
        return await Client.join_over(manifest, private, exchange)
    return await AdjointClient.join_over(manifest, private, exchange, every=states_every)
