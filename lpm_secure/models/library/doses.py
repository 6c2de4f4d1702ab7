"""S-E-I-R with private vaccine doses: from a private day on, what an agent hears counts less."""

from collections.abc import Mapping
from typing import ClassVar

from lpm_secure.models.declarations import Outcome, field, outcome, parameter
from lpm_secure.models.functions import maximum, where
from lpm_secure.models.library.seir import BITS, LARGEST_DRAW, SeirModel
from lpm_secure.models.model import Draw, Heard, Me
from lpm_secure.models.symbols import Number
from lpm_secure.models.units import NUMBER, PROBABILITY

WEIGHT_BITS = 8
FULL = 1 << WEIGHT_BITS  # weight of who hears all that is told
NEVER = 2**15 - 1  # a day that no run reaches
LATEST = NEVER // 2  # step


class LeakyVaccination(SeirModel):
    """As `SeirModel`; whoever takes part in a campaign hears only `left` / 256 of the hazard, from its own day on.

    Source: Sellke 1983, as in `SeirModel`; the hazard grows by s_i(t) times what is heard, s_i in units of 1 / 256, as
        thresholds are. A vaccine that leaves a share of each exposure is model 1 of Smith, Rodrigues and Fine 1984
        (International Journal of Epidemiology 13), known as leaky.
    """

    bits: ClassVar[int] = BITS + WEIGHT_BITS

    vaccine = field(0, NEVER)  # steps until the agent is protected
    tau = field(0, LARGEST_DRAW << bits)

    first = parameter(10, unit=NUMBER, bounds=(0, LATEST))  # step from which the first doses protect
    days = parameter(20, unit=NUMBER, bounds=(1, LATEST))  # steps over which they are spread
    coverage = parameter(0.5, unit=PROBABILITY)
    left = parameter(64, unit=NUMBER, bounds=(0, FULL))  # susceptibility of who is protected, in units of 1 / 256

    infection = outcome(SeirModel.infection.terms, above=tau)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw as S-E-I-R does, and who takes a dose on which day."""
        day = self.first + draw.uniform(0, self.days, "dose")
        return super().begin(me, draw).set(vaccine=where(draw.happens(self.coverage, "dose"), day, NEVER))

    def weight(self, me: Me) -> Mapping[Outcome, Number]:
        """Weigh what is heard by the susceptibility of the step."""
        return {self.infection: where(me.vaccine == 0, self.left, FULL)}

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Move on as S-E-I-R does; every dose comes a step nearer."""
        waits = me.vaccine < NEVER
        nearer = where(waits, maximum(me.vaccine - 1, 0), NEVER)
        return super().update(me, heard, draw).set(vaccine=nearer)
