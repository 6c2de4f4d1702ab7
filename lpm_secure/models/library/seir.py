"""S-E-I-R by thresholds: susceptible, exposed, infectious, recovered."""

from collections.abc import Mapping
from typing import ClassVar

from lpm_secure.models.declarations import Message, cell_message, field, message, outcome, parameter, stage
from lpm_secure.models.functions import clip, where
from lpm_secure.models.model import Draw, Heard, Me, Model
from lpm_secure.models.symbols import Number, Symbol
from lpm_secure.models.units import LAW, PROBABILITY, rate

BITS = 32
LARGEST_DRAW = 37
DAYS = 2**15 - 1
LONGEST_LAW = 1024  # days


class SeirModel(Model):
    """An agent is infected in the first step in which its hazard, summed up, exceeds its threshold.

    Source: Sellke 1983; with thresholds of Exp(1) the probability in a step is Eq. 8 of arXiv 2507.09901, exactly.
    """

    bits: ClassVar[int] = BITS  # fraction bits of hazards

    stage = stage("S", "E", "I", "R")
    timer = field(0, DAYS)
    latent = field(1, DAYS)
    infectious = field(1, DAYS)
    tau = field(0, LARGEST_DRAW << BITS)

    contact_rate = parameter(0.05, unit=rate(BITS))
    cell_rate = parameter(0.1, unit=rate(BITS))
    initial = parameter(0.01, unit=PROBABILITY)
    latent_law = parameter((2**30,) * 4, unit=LAW, days=LONGEST_LAW)
    infectious_law = parameter((2**29,) * 8, unit=LAW, days=LONGEST_LAW)

    contact = message(most=1)
    mixing = cell_message(most=1)
    infection = outcome({contact: contact_rate, mixing: cell_rate}, above=tau)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw who is infectious at the start, how long stays last, and every agent's threshold."""
        ill = draw.happens(self.initial, "initial")
        latent, infectious = draw.days(self.latent_law, "latent"), draw.days(self.infectious_law, "infectious")
        me = me.set(stage=where(me.known("stage"), me.stage, where(ill, "I", "S")))
        exposed = where(me.stage == "E", self.stay(me, draw, self.latent_law, "latent"), 0)
        return me.set(
            timer=where(me.stage == "I", self.stay(me, draw, self.infectious_law, "infectious"), exposed),
            latent=latent,
            infectious=infectious,
            tau=self.clock(me, draw),
        )

    def stay(self, me: Me, draw: Draw, law: Symbol, purpose: str) -> Symbol:
        """Draw how long the stage lasts that an agent begins in."""
        return draw.days(law, purpose)

    def clock(self, me: Me, draw: Draw, spell: Number | None = None) -> Symbol:
        """Draw a threshold, at the beginning or of a later spell."""
        return draw.exponential(self.bits, "threshold", spell=spell)

    def says(self, me: Me) -> Mapping[Message, Number]:
        """Tell contacts and cell whether the agent is infectious."""
        infectious = me.stage == "I"
        return {self.contact: infectious, self.mixing: infectious}

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Move on those whose stay ends; infect who is susceptible and has crossed its threshold."""
        waiting = (me.stage == "E") | (me.stage == "I")
        timer = clip(me.timer - where(waiting, 1, 0), 0, DAYS)
        due = waiting & (timer == 0)
        ill = due & (me.stage == "E")
        timer = where(ill, me.infectious, timer)
        stage = where(due, where(me.stage == "E", "I", "R"), me.stage)
        infected = (me.stage == "S") & heard[self.infection]
        return me.set(stage=where(infected, "E", stage), timer=where(infected, me.latent, timer))
