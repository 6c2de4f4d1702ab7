"""Another aggregator of the same run, as a run asks it."""

from typing import Protocol

from aggregator.on_shares.agreement import AgreementPeer
from aggregator.release.cohort_sum import PoolPeer
from protocols.wire.messages import Members, MembersQuery


class Peer(AgreementPeer, PoolPeer, Protocol):
    """Another aggregator of the same run."""

    async def members(self, query: MembersQuery) -> Members:
        """Ask who takes part in a round; answered when the other one has decided."""
