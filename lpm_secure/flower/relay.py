"""What the aggregators tell each other in a round, as the server carries it: sealed, stage by stage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

from lpm_secure.flower import records
from protocols.arithmetic.fixed_point import U64
from protocols.errors import WireError

FREEZE: Final = "query.freeze"  # open clients' shares, and decide on who is in
ADVANCE: Final = "query.advance"  # take in what the others sealed
Sealed = Mapping[str, bytes]


@final
@dataclass(frozen=True, slots=True, eq=False)
class AggregatorReply:
    """One aggregator's answer; see `aggregator.release.stateless_sum.Reply`, of which it is the message."""

    sealed: Sealed = field(repr=False)
    total: U64 | None = field(repr=False)
    members: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unopened: tuple[str, ...] = ()

    @classmethod
    def of(cls, message: Message, d: int) -> "AggregatorReply":
        """Read an answer.

        Raises:
            WireError: it is none, or its share has another length than `d`.
        """
        about, total = records.about(message), None
        if message.content.array_records.get(records.SUM):
            total = records.vector_of(message, records.SUM, "uint64").astype(np.uint64)
            if total.shape != (d,):
                raise WireError(f"an aggregator told a sum of {total.size} words; {d} are needed")
        sealed = records.to_bytes(message.content.array_records.get(records.SEALED, ArrayRecord()))
        names = (records.names_of(about, key) for key in (records.MEMBERS, records.LEFT_OUT, records.UNOPENED))
        return cls(sealed, total, *names)


@final
@dataclass(slots=True)
class StageRelay:
    """A round between the aggregators: what each of them is to be passed now, and what they have answered to it.

    All of them take a stage before any takes the next one.

    Attributes:
        aggregators: their names, in the manifest's order.
        outbox: by aggregator, what to pass to it, by who sealed it: clients first, then the other aggregators.
        stage: from 0.
        replies: to this stage so far, by aggregator.
        unopened: clients whose shares did not open at some aggregator.
    """

    aggregators: tuple[str, ...]
    outbox: Mapping[str, Sealed] = field(repr=False)
    stage: int = 0
    replies: dict[str, AggregatorReply] = field(default_factory=dict)
    unopened: set[str] = field(default_factory=set)

    @property
    def waiting(self) -> list[str]:
        """Return the aggregators that have not answered in this stage."""
        return [name for name in self.aggregators if name not in self.replies]

    def take(self, name: str, reply: AggregatorReply) -> None:
        """Take an answer in; with the last one of a stage, go on to the next, until all have told their shares."""
        self.replies[name] = reply
        self.unopened |= {*reply.unopened}
        if self.waiting or self.totals is not None:
            return
        sealed = {name: each.sealed for name, each in self.replies.items()}
        self.outbox = {
            name: {peer: contents[name] for peer, contents in sealed.items() if name in contents}
            for name in self.aggregators
        }
        self.stage, self.replies = self.stage + 1, {}

    @property
    def kind(self) -> str:
        """Return the kind of this stage's messages."""
        return ADVANCE if self.stage else FREEZE

    @property
    def totals(self) -> list[U64] | None:
        """Return the aggregators' shares of the sum, in their order; nothing before all have told them."""
        totals = [each.total for name in self.aggregators if (each := self.replies.get(name)) is not None]
        told = [total for total in totals if total is not None]
        return told if len(told) == len(self.aggregators) else None


def reply_content(about: ConfigRecord, *, sealed: Sealed, total: U64 | None) -> RecordDict:
    """Return the content of an aggregator's answer."""
    share = ArrayRecord() if total is None else ArrayRecord({records.SUM: Array(total)})
    return records.content_of(sum=share, sealed=records.of_bytes(sealed), about=about)
