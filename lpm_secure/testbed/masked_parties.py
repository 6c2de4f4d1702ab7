"""The servers of a masked run in this process, behind the in-process transport, as they are over a network."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

from aggregator.masking.service.questions import MaskedQuestions
from aggregator.masking.service.rounds import MaskedRounds
from client_sdk.masking.channel import ServerChannel
from client_sdk.masking.exchange import MaskedExchange
from lpm_secure.engine.masked_part import MaskedAnnouncer, MaskedPart
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.task.parties import ENGINE
from protocols.wire.local import Answer, LocalTransport
from protocols.wire.masked_link import MaskedLink
from protocols.wire.transport import Transport

Around = Callable[[str, str, Transport], Transport]  # caller, callee and what is between them


def _plain(caller: str, callee: str, transport: Transport) -> Transport:
    return transport


@final
@dataclass(frozen=True, slots=True, eq=False)
class MaskedParties:
    """Both aggregators and the dealer as servers of this process, and the ways of all others to them.

    Attributes:
        run: every party's keys and state.
        rounds: the aggregators.
        questions: the dealer.
        around: what each transport is wrapped in: an audit puts a party that lies here.
    """

    run: MaskedRun
    rounds: tuple[MaskedRounds, MaskedRounds]
    questions: MaskedQuestions
    around: Around = _plain

    def transports(self, caller: str) -> list[Transport]:
        """Return what a party of this name would call the aggregators with."""
        servers = zip(self.run.plan.aggregators, self.rounds, strict=True)
        return [self.around(caller, name, LocalTransport(each.answer, caller=caller)) for name, each in servers]

    def exchange(self, client: str) -> MaskedExchange:
        """Return a client's rounds."""
        channel = ServerChannel(self.run.plan.run, self.run.plan.manifest, self.transports(client))
        return MaskedExchange(self.run.clients[client], channel)

    @property
    def engine(self) -> MaskedPart:
        """Return the private agents as the engine meets them."""
        signer, keys = self.run.signers[ENGINE], self.run.dealer.keys
        return MaskedPart(MaskedAnnouncer(self.run.plan, self.transports(ENGINE), signer, keys))


@contextmanager
def start_parties(run: MaskedRun, *, around: Around = _plain) -> Iterator[MaskedParties]:
    """Start the servers of a run whose keys are drawn (`MaskedRun.draw`), and stop them."""
    questions, (one, two) = MaskedQuestions(lambda: run.dealer), run.plan.aggregators
    rounds: list[MaskedRounds] = []
    dealer_name = run.plan.dealer.name

    def link(caller: str, callee: str) -> MaskedLink:
        async def answer(name: str, request: Any) -> object:
            servers: dict[str, Answer] = {one: rounds[0].answer, two: rounds[1].answer, dealer_name: questions.answer}
            return await servers[callee](name, request)

        return MaskedLink(around(caller, callee, LocalTransport(answer, caller=caller)), run.plan.run)

    for own, other in ((one, two), (two, one)):
        party = run.aggregators[len(rounds)]
        peer, dealer = link(own, other), link(own, dealer_name)
        rounds.append(MaskedRounds(lambda party=party: party, run.plan, peer=peer, dealer=dealer))  # type: ignore[misc]
    try:
        yield MaskedParties(run, (rounds[0], rounds[1]), questions, around)
    finally:
        for each in rounds:
            each.stop()
        questions.stop()
