"""What a closing round's line in the ledger says."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from aggregator.release.ledger import Ledger
from aggregator.store import RoundClosure
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.errors import AnnouncementsDiffer, PartiesDisagree
from protocols.masking.envelope import SignedMessage
from protocols.releases.ledger import RoundRecord
from protocols.task.layout import Layout
from protocols.task.parties import ENGINE
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase
from protocols.wire.messages import Members, RoundResult


def write_round(
    ledger: Ledger | None,
    plan: ReleasePlan,
    done: RoundClosure,
    reply_to: Callable[[str, Step, Phase, RoundClosure], RoundResult],
    *,
    layout: Layout,
) -> None:
    """Write a round down, before it is told: who takes part, what is opened, and what each party will get."""
    if ledger is None:
        return
    agreed = record_of_closure(plan, layout, done)
    contents: dict[str, bytes] = {}
    step, phase = agreed.step, Phase(agreed.phase)
    for client in done.members:
        closed = reply_to(client, step, phase, done)
        release = closed.release.tobytes()
        contents |= {client: closed.own.tobytes() + release + closed.synthetic.tobytes(), ENGINE: release}
    _write(ledger, agreed, contents, plan.recipients(agreed))


def write_sum(ledger: Ledger, plan: ReleasePlan, layout: Layout, done: RoundClosure) -> None:
    """Write down a round whose sum is told to who asked for it, and to nobody else."""
    agreed = record_of_closure(plan, layout, done)
    _write(ledger, agreed, {ENGINE: done.total}, plan.recipients(agreed, by_messages=True))


def record_of_closure(plan: ReleasePlan, layout: Layout, done: RoundClosure) -> RoundRecord:
    """Return what all aggregators write alike of a round on shares, in which several sums may have been tried."""
    step, speaks = plan.schedule.step(done.number), plan.schedule.phase(done.number) == Phase.SPEAK
    public = layout.public_numbers(np.frombuffer(done.synthetic, dtype=np.int64), step=step) if speaks else {}
    agreed = record_of_round(plan, done.number, done.members, refused=done.refused, public=public)
    return msgspec.structs.replace(agreed, releases=max(1, len(done.trials)) * agreed.releases, trials=done.trials)


def record_of_round(
    plan: ReleasePlan,
    number: RoundNumber,
    members: Sequence[str],
    *,
    refused: tuple[str, ...],
    public: dict[str, int],
) -> RoundRecord:
    """Return what all aggregators write alike of a round: who counted, and what is opened, once."""
    step, phase = plan.schedule.step(number), plan.schedule.phase(number)
    return RoundRecord(
        number=number,
        step=step,
        phase=int(phase),
        members=tuple(members),
        refused=refused,
        releases=plan.records(step) if phase == Phase.SPEAK else (),
        public=public,
    )


def write_masked_round(
    ledger: Ledger, plan: ReleasePlan, agreed: RoundRecord, told: Mapping[str, SignedMessage]
) -> None:
    """Write a round of a masked run down, before it is told, and what each party gets."""
    _write(ledger, agreed, {party: reply.content for party, reply in told.items()}, plan.recipients(agreed))


def _write(ledger: Ledger, agreed: RoundRecord, contents: Mapping[str, bytes], parties: Sequence[str]) -> None:
    told = (ledger.delivery(agreed.number, party, contents[party]) for party in parties)
    ledger.write_closing(agreed, tuple(told))


def head_of(ledger: Ledger | None, number: RoundNumber) -> bytes:
    """Return the head before a round, to tell the other aggregators; nothing without a ledger."""
    return b"" if ledger is None else ledger.head(number)


def require_same(
    ledger: Ledger | None, number: RoundNumber, answers: Sequence[Members], *, announced: bytes = b""
) -> None:
    """Check that all aggregators have written the same of all rounds before this one, and been announced the same.

    Raises:
        AnnouncementsDiffer: the engine told another one something else, and the run ends for all.
        PartiesDisagree: one has not, and the run stops.
    """
    if any(answer.announced and answer.announced != announced for answer in answers):
        raise AnnouncementsDiffer(
            f"the engine announced different things to the aggregators before round {number} closed; the run is over"
        )
    mine = head_of(ledger, number)
    if ledger is not None and (not mine or any(answer.head != mine for answer in answers)):
        raise PartiesDisagree(f"the aggregators' ledgers differ before round {number}; stop the run and compare them")
