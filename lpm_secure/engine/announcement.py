"""What whoever drives a run does in each step: announce to all aggregators, and put their shares together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

from protocols.arithmetic.fixed_point import I64, from_ring
from protocols.arithmetic.sharing import Sharing
from protocols.errors import PartiesDisagree
from protocols.task.timeouts import Deadlines, patience_s
from protocols.wire.messages import Announcement, RoundRelease
from protocols.wire.transport import Transport


@final
@dataclass(frozen=True, slots=True, eq=False)
class AggregateRelease:
    """What the aggregators released in a step.

    Attributes:
        words: int64[release_words], as the run's layout has them.
        members: clients that took part.
        traffic: bytes of vectors between clients and aggregators in the round.
        names: of those clients, in a secure sum, in a run with twins, and where security is active.
        refused: clients that have been left out for garbage by now, in a secure sum.
    """

    words: I64 = field(repr=False)
    members: int
    traffic: int
    names: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class AnnouncementTerms:
    """What whoever drives a run needs of its manifest: how shares go together, and how long to wait for them.

    Attributes:
        sharing: of releases.
        words: of one release.
        deadlines: of its rounds.
    """

    sharing: Sharing
    words: int
    deadlines: Deadlines


async def announce(terms: AnnouncementTerms, transports: Sequence[Transport], call: Announcement) -> AggregateRelease:
    """Announce a step to all aggregators, and add up their shares of its release.

    Args:
        terms: of the run.
        transports: to the aggregators, in the manifest's order.
        call: what is announced.

    Raises:
        PartiesDisagree: aggregators count other members, or answer with other sizes.
    """
    timeout_s = patience_s(terms.deadlines, call.step)
    replies: list[RoundRelease] = await asyncio.gather(*(each.call(call, timeout_s=timeout_s) for each in transports))
    one = replies[0]
    told = {(each.step, each.members, each.release.size, each.names, each.refused) for each in replies}
    if told != {(call.step, one.members, terms.words, one.names, one.refused)}:
        raise PartiesDisagree(f"aggregators told the engine different things about step {call.step}; stop the run")
    opened = from_ring(terms.sharing.join([reply.release for reply in replies]))
    return AggregateRelease(opened, one.members, sum(reply.traffic for reply in replies), one.names, one.refused)
