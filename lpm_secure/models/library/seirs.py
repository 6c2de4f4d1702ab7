"""S-E-I-R-S: immunity wanes, and every spell of susceptibility has draws of its own."""

from typing import Any

from lpm_secure.models.declarations import field, outcome, parameter
from lpm_secure.models.functions import clip, where
from lpm_secure.models.library.seir import DAYS, LONGEST_LAW, SeirModel
from lpm_secure.models.model import Draw, Heard, Me
from lpm_secure.models.symbols import Symbol
from lpm_secure.models.units import LAW


class Seirs(SeirModel):
    """An agent stays recovered for `waning` steps; then it is susceptible, its hazard is 0, and it draws anew.

    Source: Sellke 1983, as in `SeirModel`. The exponential law has no memory, so a new threshold with the hazard
        counted from 0 is the law of Eq. 8 in every spell.
    """

    waning = field(1, DAYS)
    spell = field(0, DAYS)

    waning_law = parameter((2**27,) * 32, unit=LAW, days=LONGEST_LAW)
    infection = outcome(SeirModel.infection.terms, above=SeirModel.tau, threshold="restart")

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw as S-E-I-R does, and how long immunity lasts."""
        return super().begin(me, draw).set(waning=draw.days(self.waning_law, "waning"), spell=0)

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Move on as S-E-I-R does; then wait with those who have recovered, and let go of those who have waited."""
        me = super().update(me, heard, draw)
        recovered = me.stage == "R"
        begins = recovered & (me.timer == 0)
        waits = recovered & ~begins
        timer = where(begins, me.waning, clip(me.timer - where(waits, 1, 0), 0, DAYS))
        returns = waits & (timer == 0)
        spell = clip(me.spell + where(returns, 1, 0), 0, DAYS)

        def anew(drawn: Symbol, before: Symbol) -> Any:
            return where(returns, drawn, before)

        return me.set(
            stage=where(returns, "S", me.stage),
            timer=timer,
            spell=spell,
            latent=anew(draw.days(self.latent_law, "latent", spell=spell), me.latent),
            infectious=anew(draw.days(self.infectious_law, "infectious", spell=spell), me.infectious),
            waning=anew(draw.days(self.waning_law, "waning", spell=spell), me.waning),
            tau=anew(self.clock(me, draw, spell), me.tau),
        ).restart(self.infection, returns)
