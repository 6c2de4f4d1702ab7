"""Parties that are known to be bad, as layers through which they read what comes to them: what the audit must catch."""

from collections.abc import Callable

import msgspec
import numpy as np

from lpm_secure.audit.attacks.lies import decode
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import ClientReply, from_bytes, to_bytes
from protocols.masking.pads import PadSource
from protocols.masking.plans.run_plan import RunPlan

Layer = Callable[[MaskedRun, str, SignedMessage], SignedMessage]  # the run, who reads, and what came
Mutant = Callable[[], Layer]


class ReplyLayer:
    """Lets a party read a reply of the second aggregator by what the first one replied to it in the round."""

    def __init__(self) -> None:
        """Begin before the first reply."""
        self._first: dict[tuple[str, int], ClientReply] = {}

    def __call__(self, run: MaskedRun, receiver: str, envelope: SignedMessage) -> SignedMessage:
        """Return what came, as this party reads it."""
        message = decode(envelope)
        if not isinstance(message, ClientReply):
            return envelope
        first = self._first.setdefault((receiver, message.number), message)
        return envelope if first is message else run.signers[envelope.sender].send(self.read(run, first, message))

    def read(self, run: MaskedRun, first: ClientReply, second: ClientReply) -> ClientReply:
        """Return the second reply as it is."""
        return second


class TrustsFirst(ReplyLayer):
    """Compares what both reply with nothing, and believes the first."""

    def read(self, run: MaskedRun, first: ClientReply, second: ClientReply) -> ClientReply:
        """Return the second reply with all that should be the same taken from the first."""
        return msgspec.structs.replace(first, answers=second.answers)


class TakesAnyBit(ReplyLayer):
    """Takes whatever is not 0 for the label of a bit of 1, and the first aggregator's masked numbers for right."""

    def read(self, run: MaskedRun, first: ClientReply, second: ClientReply) -> ClientReply:
        """Return the second reply with answers that this client does not stop at."""
        rows = [from_bytes(each.answers) for each in (first, second)]
        if rows[0].size != rows[1].size or not rows[0].size:
            return second
        told, other = (each.reshape(len(run.plan.layout.outcomes), -1) for each in rows)
        bits = told ^ np.where(told != other, _labels(run, first, told.shape[1]), np.uint64(0))
        return msgspec.structs.replace(second, answers=to_bytes(bits.reshape(-1)))


def _labels(run: MaskedRun, reply: ClientReply, count: int) -> U64:
    """Return the labels of a client's bits, uint64[o, n_own], and zeros of what both aggregators tell alike."""
    source: PadSource = run.clients[reply.client].seed.source
    outcomes, by_label = run.plan.layout.outcomes, not run.plan.opens_bits
    nothing = np.zeros(count, dtype=np.uint64)
    number = RoundNumber(reply.number)
    return np.array(
        [
            source.labels(number, count, outcome=row) if outcome.is_bit and by_label else nothing
            for row, outcome in enumerate(outcomes)
        ]
    )


def mutants_of(plan: RunPlan) -> dict[str, Mutant]:
    """Return those that a run can have: where no bits are told, nobody takes one."""
    bits: dict[str, Mutant] = {"TakesAnyBit": TakesAnyBit} if plan.bits else {}
    return {"TrustsFirst": TrustsFirst} | bits
