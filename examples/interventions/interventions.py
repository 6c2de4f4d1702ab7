"""An epidemic with two interventions, whose effects are parameters that derivatives are taken by."""

import lpm_secure as lpm
from lpm_secure.models.library.seir import SeirModel

BITS = 10  # of an effect
FULL = 1 << BITS


class Interventions(SeirModel):
    """As the library's S-E-I-R; contacts are reduced from a step on, and a vaccine protects some agents."""

    bits = SeirModel.bits + 2 * BITS  # of hazards, and so of thresholds
    step = lpm.field(0, 1_000)
    vaccinated = lpm.private(0, 1)
    tau = lpm.field(0, 37 << bits)

    begins = lpm.parameter(20, unit=lpm.NUMBER, bounds=(0, 1_000))  # step from which on contacts are reduced
    reduction = lpm.parameter(0.3, unit=lpm.rate(BITS), bounds=(0, 1))  # part of all contacts that is taken away
    efficacy = lpm.parameter(0.6, unit=lpm.rate(BITS), bounds=(0, 1))  # part of the hazard that a vaccine takes away
    infection = lpm.outcome(SeirModel.infection.terms, above=tau)

    def begin(self, me, draw):
        """Begin as the library does."""
        return super().begin(me, draw).set(step=0)

    def weight(self, me):
        """Weigh what is heard by what is left of it."""
        contacts = lpm.where(me.step < self.begins, FULL, FULL - self.reduction)
        return {self.infection: contacts * lpm.where(me.vaccinated == 1, FULL - self.efficacy, FULL)}

    def update(self, me, heard, draw):
        """Move on as the library does, and count the steps."""
        return super().update(me, heard, draw).set(step=lpm.minimum(me.step + 1, 1_000))
