"""Disease and work in one: who works is exposed more, who is ill buys nothing, and demand keeps people at work."""

from collections.abc import Mapping

from lpm_secure.models.declarations import Outcome, field, outcome, parameter
from lpm_secure.models.functions import where
from lpm_secure.models.library.doses import FULL, WEIGHT_BITS
from lpm_secure.models.library.seir import BITS, LARGEST_DRAW, SeirModel
from lpm_secure.models.library.work import LabourMarket
from lpm_secure.models.model import Draw, Heard, Me, Model
from lpm_secure.models.symbols import Number
from lpm_secure.models.units import NUMBER


class WorkplaceEpidemic(SeirModel):
    """As `SeirModel`; whoever is not employed hears only `home` / 256 of the hazard."""

    job = LabourMarket.job
    tau = field(0, LARGEST_DRAW << BITS + WEIGHT_BITS)

    home = parameter(64, unit=NUMBER, bounds=(0, FULL))  # exposure of who is not employed, in units of 1 / 256

    infection = outcome(SeirModel.infection.terms, above=tau)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw as S-E-I-R does, with thresholds in the units of weights."""
        return super().begin(me, draw).set(tau=draw.exponential(BITS + WEIGHT_BITS, "threshold"))

    def weight(self, me: Me) -> Mapping[Outcome, Number]:
        """Weigh what is heard by the job of the step."""
        return {self.infection: where(me.job == "EMPLOYED", FULL, self.home)}


class PandemicWork(Model):
    """An epidemic at work and a labour market; whoever is infectious stays at home and buys nothing.

    Infections lower demand, missing demand costs jobs, and who has no job is exposed less.

    Source: the two parts have theirs; by how much they move each other is this model's own.
    """

    parts = (WorkplaceEpidemic, LabourMarket)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Let whoever is infectious at first buy nothing."""
        return self._at_home(me)

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Let whoever is infectious after the step buy nothing in the next."""
        return self._at_home(me)

    def _at_home(self, me: Me) -> Me:
        return me.set(buys=where(me.stage == "I", 0, me.buys))
