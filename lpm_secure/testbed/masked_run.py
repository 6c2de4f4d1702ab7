"""All parties of a masked run in this process, and what goes between them, in its order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, final

import numpy as np

from aggregator.masking.aggregator import MaskingAggregator
from aggregator.masking.dealer import MaskingDealer
from aggregator.masking.round_state import TWO_THINGS
from aggregator.masking.suppression import MESSAGES
from client_sdk.masking.masking_client import MaskingClient, Reading, read_release
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import LpmError, PartiesDisagree, ResultsDiffer, RunEnded
from protocols.identity.sealing_key import SealingKey, public_key
from protocols.identity.signing import new_key, public_of
from protocols.masking.envelope import SignedMessage, Signer
from protocols.masking.journal import Journal, MemoryJournal
from protocols.masking.messages import StepNotice, Stop, to_bytes
from protocols.masking.party import MaskingParty
from protocols.masking.plan import plan_of
from protocols.masking.plans.run_plan import RunPlan
from protocols.task.manifest import Manifest
from protocols.task.parties import ENGINE

T = TypeVar("T")
Between = Callable[[str, str, SignedMessage], SignedMessage]  # sender, receiver, and what is on its way


def pass_on(sender: str, receiver: str, message: SignedMessage) -> SignedMessage:
    """Hand a message on as it is."""
    return message


@final
@dataclass(slots=True, eq=False)
class MaskedRun:
    """Both aggregators, the dealer, all clients and the engine's signatures.

    Attributes:
        plan: of the run.
        signers: every party's name and keys.
        aggregators: both.
        dealer: the third operator.
        clients: by name.
        between: what each message passes through: an audit puts a party that lies here.
    """

    plan: RunPlan
    signers: Mapping[str, Signer] = field(repr=False)
    aggregators: tuple[MaskingAggregator, MaskingAggregator]
    dealer: MaskingDealer
    clients: Mapping[str, MaskingClient]
    between: Between = pass_on

    @classmethod
    def draw(
        cls,
        manifest: Manifest,
        *,
        between: Between = pass_on,
        journal: Callable[[str], Journal] = lambda name: MemoryJournal(),
    ) -> "MaskedRun":
        """Draw all keys; nothing is sent.

        Raises:
            ParameterError: the masked backend does not take this run.
        """
        plan, sealing = plan_of(manifest), SealingKey.generate()
        dealer_name = plan.dealer.name
        names = (*plan.aggregators, dealer_name, *plan.names, ENGINE)
        signers = {name: Signer.draw(name, new_key()) for name in names}
        keys = {name: public_of(signer.key) for name, signer in signers.items()}
        first, second = (
            MaskingAggregator(plan, signers[name], keys, journal(name), index)
            for index, name in enumerate(plan.aggregators)
        )
        dealer = MaskingDealer(plan, signers[dealer_name], keys, journal(dealer_name), sealing=sealing)
        target = public_key(sealing.public)
        clients = {name: MaskingClient(plan, signers[name], keys, journal(name), dealer=target) for name in plan.names}
        return cls(plan, signers, (first, second), dealer, clients, between)

    def _swap(self, first: SignedMessage, second: SignedMessage) -> tuple[SignedMessage, SignedMessage]:
        """Return what each aggregator receives of the other's message."""
        one, two = self.plan.aggregators
        return self.between(two, one, second), self.between(one, two, first)

    def start(self) -> "MaskedRun":
        """Let the aggregators agree on their key, and return this run."""
        commitments = self._swap(*(each.commit() for each in self.aggregators))
        opened = self._swap(*_each(MaskingAggregator.contribute, self.aggregators, commitments))
        _each(MaskingAggregator.join_keys, self.aggregators, opened)
        return self

    def hand(self, name: str, message: SignedMessage) -> None:
        """Hand what a party sends to both aggregators."""
        for each in self.aggregators:
            each.receive(self.between(name, each.signer.name, message))

    def announce(self, number: RoundNumber, words: I64) -> None:
        """Hand the engine's announcement of a step to both aggregators."""
        notice = StepNotice(run=self.plan.run, number=number, words=to_bytes(words.view(np.uint64)))
        self.hand(ENGINE, self.signers[ENGINE].send(notice))

    def finish(self) -> dict[str, tuple[SignedMessage, SignedMessage]]:
        """Play a round whose messages have come, and return what each client and the engine receives.

        Raises:
            LpmError: a party found that another lied; the run is over for all.
        """
        try:
            return self._finish()
        except LpmError as error:
            if not any(party.ending for party in self._parties):  # somebody was refused an answer
                for each in self.aggregators:
                    each.abandon(str(error))
            self.stop()
            raise

    def _finish(self) -> dict[str, tuple[SignedMessage, SignedMessage]]:
        one, two = self.aggregators
        number = one.number
        self._recall()
        offers = one.offer(), two.offer()
        for giver, taker, offer in ((one, two, offers[1]), (two, one, offers[0])):
            for message in giver.lacking(offer):
                taker.receive(self.between(giver.signer.name, taker.signer.name, message))
        closings = self._swap(*(each.close() for each in self.aggregators))
        parts = self._ask(MaskingAggregator.ask_proofs)
        _each(MaskingAggregator.confirm, self.aggregators, closings)
        _each(MaskingAggregator.judge, self.aggregators, parts)
        verdicts = [each.tell_verdict() for each in self.aggregators if self.plan.compares_verdicts(number)]
        answers = self._ask(MaskingAggregator.ask_release) if self.plan.opens(number) else None
        for each, verdict in zip(self.aggregators, self._swap(*verdicts) if verdicts else (None, None), strict=True):
            each.accept(verdict)
        if self.plan.multiplies(number):
            shares = self._swap(*(each.share_levels() for each in self.aggregators))
            _each(MaskingAggregator.open_levels, self.aggregators, shares)
        if self.plan.takes_openings(number):
            for _ in range(one.opening_messages):
                opened = self._swap(*(each.share_openings() for each in self.aggregators))
                _each(MaskingAggregator.open_openings, self.aggregators, opened)
            _each(MaskingAggregator.judge_openings, self.aggregators, self._ask(MaskingAggregator.ask_openings))
            _each(MaskingAggregator.open_bits, self.aggregators, self._ask(MaskingAggregator.ask_bits))
        if answers is not None:
            _each(MaskingAggregator.release, self.aggregators, answers)
        for _ in range(MESSAGES if self.plan.suppresses(number) else 0):
            counts = self._swap(*(each.share_counts() for each in self.aggregators))
            _each(MaskingAggregator.open_counts, self.aggregators, counts)
        first, second = (each.replies() for each in self.aggregators)
        for each in self.aggregators:
            each.save({}, ())
        names = self.plan.aggregators
        if first.keys() != second.keys():
            raise PartiesDisagree("one aggregator alone says that a round closed without a party; the run stops here")
        return {
            name: (self.between(names[0], name, first[name]), self.between(names[1], name, second[name]))
            for name in first
        }

    def _recall(self) -> None:
        """Give an aggregator that was started again the keys of the decision in hand."""
        dealer = self.dealer.signer.name
        for index, each in enumerate(self.aggregators):
            if (question := each.lost_question) is not None:
                replies = self.dealer.ask(self.between(each.signer.name, dealer, question))
                if replies is not None:
                    each.recall(self.between(dealer, each.signer.name, replies[index]))

    def _ask(self, step: Callable[[MaskingAggregator], SignedMessage]) -> tuple[SignedMessage, SignedMessage]:
        """Ask the dealer one question of both, and return each one's answer."""
        replies, dealer = None, self.dealer.signer.name
        for each in self.aggregators:
            replies = self.dealer.ask(self.between(each.signer.name, dealer, step(each)))
        if replies is None:
            raise RunEnded("the dealer was asked by one aggregator alone, and answers none")
        if not replies:
            raise ResultsDiffer(TWO_THINGS)
        one, two = self.plan.aggregators
        return self.between(dealer, one, replies[0]), self.between(dealer, two, replies[1])

    def play(self, words: Mapping[str, U64], announcement: I64 | None = None) -> dict[str, Reading]:
        """Play a whole round of clients' words, and return what each was told; the engine too.

        Raises:
            LpmError: a party found that another lied; the run is over for all.
        """
        number = self.aggregators[0].number
        for name, x in words.items():
            if number == FIRST_ROUND:
                self.hand(name, self.clients[name].join())
            self.hand(name, self.clients[name].message(number, x))
        if announcement is not None:
            self.announce(number, announcement)
        replies = self.finish()
        try:
            return {
                name: self.read_release(both) if name == ENGINE else self.clients[name].open(number, both)
                for name, both in replies.items()
            }
        except LpmError:
            self.stop()
            raise

    def read_release(self, replies: tuple[SignedMessage, SignedMessage]) -> Reading:
        """Return what both aggregators told the engine of a step, which stops the run if they told two things.

        Raises:
            PartiesDisagree: they told different things.
        """
        try:
            return read_release(self.plan, replies, keys=self.dealer.keys)
        except LpmError as error:
            stop = self.signers[ENGINE].send(Stop(run=self.plan.run, number=0, reason=str(error)))
            for party in self._parties:
                party.end(stop)
            raise

    @property
    def _parties(self) -> tuple[MaskingParty, ...]:
        return (*self.aggregators, self.dealer, *self.clients.values())

    def stop(self) -> None:
        """Hand every party's end of the run to all others."""
        stops = [each.stop() for each in self._parties if each.ending]
        for party in self._parties:
            for message in stops:
                party.end(message)


def _each(
    step: Callable[[MaskingAggregator, SignedMessage], T],
    aggregators: tuple[MaskingAggregator, MaskingAggregator],
    messages: tuple[SignedMessage, SignedMessage],
) -> tuple[T, T]:
    """Return what a step of each aggregator on its message comes to."""
    first, second = (step(each, message) for each, message in zip(aggregators, messages, strict=True))
    return first, second
