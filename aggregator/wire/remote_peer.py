"""Ask another aggregator, over gRPC."""

from dataclasses import dataclass
from typing import final

from protocols.sealing.messages import SealedReply, SealedRequest
from protocols.wire.messages import Computation, ComputationQuery, Members, MembersQuery, TrialQuery, TrialShare
from protocols.wire.transport import Transport


@final
@dataclass(frozen=True, slots=True)
class RemotePeer:
    """Another operator's aggregator, behind a transport."""

    transport: Transport
    timeout_s: float

    async def members(self, query: MembersQuery) -> Members:
        """Ask who takes part in a step."""
        answer: Members = await self.transport.call(query, timeout_s=self.timeout_s)
        return answer

    async def result_name(self, query: ComputationQuery) -> Computation:
        """Ask which comparison of a step it has kept."""
        answer: Computation = await self.transport.call(query, timeout_s=self.timeout_s)
        return answer

    async def share_trial(self, query: TrialQuery) -> TrialShare:
        """Ask for its share of a sum that may be out of range."""
        answer: TrialShare = await self.transport.call(query, timeout_s=self.timeout_s)
        return answer

    async def forward(self, request: SealedRequest) -> SealedReply:
        """Forward a client's sealed call."""
        answer: SealedReply = await self.transport.call(request, timeout_s=self.timeout_s)
        return answer
