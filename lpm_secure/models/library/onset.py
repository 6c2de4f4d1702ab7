"""What a line list knows of an agent: since when it has been in its stage, and how susceptible it is."""

import math
from typing import ClassVar

from lpm_secure.models.declarations import State, field
from lpm_secure.models.functions import where
from lpm_secure.models.library.seir import DAYS, LARGEST_DRAW, SeirModel
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.model import Draw, Me
from lpm_secure.models.symbols import Number, Symbol

BITS = 16  # of a susceptibility
ONE = 1 << BITS
LARGEST = 2**30  # susceptibility, in these units
ROOM = 2**62  # of a threshold


def line_list_fields(bits: int) -> dict[str, State]:
    """Return the fields that change with the fraction bits of thresholds: none may leave its room."""
    least = math.ceil((LARGEST_DRAW << bits + BITS) / (ROOM - (LARGEST << BITS)))
    return {"susceptibility": field(least, LARGEST, bits=BITS), "tau": field(0, ROOM)}


class LineList(SeirModel):
    """As `SeirModel`, of agents whose holder may know since when they are ill, and a susceptibility of each.

    Source: Sellke 1983; with a threshold of Exp(1) n / S the probability in a step is Eq. 8 of arXiv 2507.09901, S / n
        being the agent's own.
    """

    knowable: ClassVar[tuple[str, ...]] = ("stage", "since", "susceptibility")

    since = field(0, DAYS, duration_of=SeirModel.stage)
    susceptibility, tau = line_list_fields(SeirModel.bits).values()

    def begin(self, me: Me, draw: Draw) -> Me:
        """Take what is known, and draw the rest."""
        susceptibility = where(me.known("susceptibility"), me.susceptibility, ONE)
        since = where(me.known("since"), me.since, 0)
        return super().begin(me.set(susceptibility=susceptibility, since=since), draw)

    def stay(self, me: Me, draw: Draw, law: Symbol, purpose: str) -> Symbol:
        """Draw what is left of a stay by the law of those that last longer than it has."""
        return draw.days(law, purpose, elapsed=me.since)

    def clock(self, me: Me, draw: Draw, spell: Number | None = None) -> Symbol:
        """Draw a threshold, over the agent's susceptibility."""
        drawn = super().clock(me, draw, spell)
        whole, rest = drawn // me.susceptibility, drawn % me.susceptibility
        return (whole << BITS) + (rest << BITS) // me.susceptibility


class WaningLineList(LineList, Seirs):
    """The same where immunity wanes, of those too who are known to be immune."""

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw how much longer those are immune who are known to be so."""
        me = super().begin(me, draw)
        return me.set(timer=where(me.stage == "R", self.stay(me, draw, self.waning_law, "waning"), me.timer))
