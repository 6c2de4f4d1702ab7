"""Cascade of defaults: a bank fails when what failed debtors owe it eats up its capital."""

from collections.abc import Mapping

from lpm_secure.models.declarations import Message, Outcome, message, outcome, parameter, private, stage
from lpm_secure.models.functions import where
from lpm_secure.models.model import Draw, Heard, Me, Model
from lpm_secure.models.symbols import Number
from lpm_secure.models.units import PROBABILITY, rate

BITS = 16
LARGEST_BUFFER = 10**9  # money


class Banks(Model):
    """A bank fails for good when its losses reach its buffer: exposures to all that have failed, times the loss rate.

    Contacts go from debtor to creditor, and weigh what the one owes the other; a contact of some days alone is an
    exposure of these days.

    Source: Gai and Kapadia 2010, Contagion in financial networks (Proceedings of the Royal Society A 466): their
        condition of solvency, with assets that keep their price, and exposures and capital of each bank its own.
    """

    state = stage("SOUND", "FAILED")
    buffer = private(1, LARGEST_BUFFER)  # capital, in the money of the contacts' weights

    shock = parameter(0.05, unit=PROBABILITY)  # of failing before the first step
    loss_rate = parameter(1.0, unit=rate(BITS), bounds=(0.0, 1.0))  # of an exposure to a bank that has failed

    default = message(most=1, directed=True)
    insolvency = outcome({default: loss_rate}, keep=False)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw which banks fail by a shock of their own."""
        return me.set(state=where(draw.happens(self.shock, "shock"), "FAILED", "SOUND"))

    def says(self, me: Me) -> Mapping[Message, Number]:
        """Tell every creditor whether the bank has failed."""
        return {self.default: me.state == "FAILED"}

    def threshold(self, me: Me) -> Mapping[Outcome, Number]:
        """Ask whether losses reach the buffer: whether they are above what is just less."""
        return {self.insolvency: (me.buffer << BITS) - 1}

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Fail where losses reach the buffer; nobody comes back."""
        return me.set(state=where(heard[self.insolvency], "FAILED", me.state))
