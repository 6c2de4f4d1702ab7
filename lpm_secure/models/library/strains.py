"""Two strains that compete for the same people: whoever is infected by one is never infected by the other."""

from collections.abc import Mapping

from lpm_secure.models.declarations import Message, cell_message, field, message, outcome, parameter, stage
from lpm_secure.models.functions import maximum, where
from lpm_secure.models.library.seir import BITS, DAYS, LARGEST_DRAW, LONGEST_LAW
from lpm_secure.models.model import Draw, Heard, Me, Model
from lpm_secure.models.symbols import Number
from lpm_secure.models.units import LAW, PROBABILITY, rate

HALF = 2**31  # of 2**32


class Strains(Model):
    """Two clocks race in every susceptible agent; the strain whose hazard exceeds its threshold first infects it.

    Where both do in one step, a fair coin of the agent's own decides. An agent who had either strain is immune to both.

    Source: Sellke 1983 for each strain; competing risks as in Kalbfleisch and Prentice 1980. Of hazards a and b in a
        step strain A wins with probability (1 - exp(-a)) (1 + exp(-b)) / 2, which is a / (a + b) of all infections to
        within the square of the hazards, and exactly where these are equal.
    """

    stage = stage("S", "E_A", "E_B", "I_A", "I_B", "R")
    timer = field(0, DAYS)
    latent = field(1, DAYS)
    infectious = field(1, DAYS)
    tau_a = field(0, LARGEST_DRAW << BITS)
    tau_b = field(0, LARGEST_DRAW << BITS)

    contact_rate_a = parameter(0.05, unit=rate(BITS))
    contact_rate_b = parameter(0.05, unit=rate(BITS))
    cell_rate_a = parameter(0.1, unit=rate(BITS))
    cell_rate_b = parameter(0.1, unit=rate(BITS))
    initial = parameter(0.02, unit=PROBABILITY)  # of being infectious at first, with either strain
    share_b = parameter(0.5, unit=PROBABILITY)  # of strain B among these
    latent_law = parameter((2**30,) * 4, unit=LAW, days=LONGEST_LAW)
    infectious_law = parameter((2**29,) * 8, unit=LAW, days=LONGEST_LAW)

    contact_a, contact_b = message(most=1), message(most=1)
    mixing_a, mixing_b = cell_message(most=1), cell_message(most=1)
    infection_a = outcome({contact_a: contact_rate_a, mixing_a: cell_rate_a}, above=tau_a)
    infection_b = outcome({contact_b: contact_rate_b, mixing_b: cell_rate_b}, above=tau_b)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw who is infectious with which strain, how long stays last, and two thresholds for every agent."""
        ill = draw.happens(self.initial, "initial")
        infectious = draw.days(self.infectious_law, "infectious")
        latent = draw.days(self.latent_law, "latent")
        strain = where(draw.happens(self.share_b, "strain"), "I_B", "I_A")
        me = me.set(stage=where(me.known("stage"), me.stage, where(ill, strain, "S")))
        waits = where((me.stage == "E_A") | (me.stage == "E_B"), latent, infectious)
        return me.set(
            timer=where((me.stage == "S") | (me.stage == "R"), 0, waits),
            latent=latent,
            infectious=infectious,
            tau_a=draw.exponential(BITS, "threshold_a"),
            tau_b=draw.exponential(BITS, "threshold_b"),
        )

    def says(self, me: Me) -> Mapping[Message, Number]:
        """Tell contacts and cell, for each strain, whether the agent is infectious with it."""
        a, b = me.stage == "I_A", me.stage == "I_B"
        return {self.contact_a: a, self.mixing_a: a, self.contact_b: b, self.mixing_b: b}

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Move on those whose stay ends; infect who is susceptible with the strain that came first."""
        exposed = (me.stage == "E_A") | (me.stage == "E_B")
        waiting = exposed | (me.stage == "I_A") | (me.stage == "I_B")
        timer = where(waiting, maximum(me.timer - 1, 0), me.timer)
        due = waiting & (timer == 0)
        onset = where(me.stage == "E_A", "I_A", "I_B")
        stage = where(due, where(exposed, onset, "R"), me.stage)
        timer = where(due & exposed, me.infectious, timer)
        return self._infected(me.set(stage=stage, timer=timer), me.stage == "S", heard, draw)

    def _infected(self, me: Me, susceptible: Number, heard: Heard, draw: Draw) -> Me:
        a, b = heard[self.infection_a], heard[self.infection_b]
        strain = where(a & (~b | draw.happens(HALF, "tie")), "E_A", "E_B")
        infected = susceptible & (a | b)
        return me.set(stage=where(infected, strain, me.stage), timer=where(infected, me.latent, me.timer))
