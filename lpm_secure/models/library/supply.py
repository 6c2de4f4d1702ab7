"""Supply chains: a firm stops when its suppliers deliver too little and its stock is eaten up, and starts again."""

from collections.abc import Mapping

from lpm_secure.models.declarations import Message, Outcome, field, message, outcome, parameter, private, stage
from lpm_secure.models.functions import clip, maximum, minimum, where
from lpm_secure.models.model import Draw, Heard, Me, Model
from lpm_secure.models.symbols import Number
from lpm_secure.models.units import LAW, PROBABILITY

LARGEST_NEED = 10**9  # goods in a step
LONGEST_COVER = 365  # steps
LONGEST_OUTAGE = 1024  # steps


class Supply(Model):
    """A firm runs in a step while its suppliers deliver its need, or it has stock for one step more.

    Contacts go from supplier to customer, and weigh what is delivered in a step by a supplier that runs. While its need
    is met, a firm's stock comes back too, by one step in a step and up to `cover`. A firm that a shock has hit stands
    still for an outage, and eats nothing up.

    Source: Henriet, Hallegatte and Tabourier 2012, Firm-network characteristics and economic robustness to natural
        disasters (Journal of Economic Dynamics and Control 36), with firms that run or stand still in place of shares
        of output, and one kind of input.
    """

    state = stage("RUNNING", "STOPPED")
    stock = field(0, LONGEST_COVER)  # steps that it lasts
    outage = field(0, LONGEST_OUTAGE)  # steps that are left of it
    need = private(0, LARGEST_NEED)  # goods in a step; 0 of who makes them without inputs
    cover = private(0, LONGEST_COVER)  # stock of the beginning, and the largest: steps that it lasts

    shock = parameter(0.05, unit=PROBABILITY)  # of an outage that begins in the first step
    outage_law = parameter((2**29,) * 8, unit=LAW, days=LONGEST_OUTAGE)

    goods = message(most=1, directed=True)
    delivery = outcome(goods, keep=False)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw who is hit and for how long; stocks are full."""
        outage = where(draw.happens(self.shock, "shock"), draw.days(self.outage_law, "outage"), 0)
        return me.set(state=where(outage > 0, "STOPPED", "RUNNING"), stock=me.cover, outage=outage)

    def says(self, me: Me) -> Mapping[Message, Number]:
        """Deliver to every customer what the contact weighs, or nothing."""
        return {self.goods: me.state == "RUNNING"}

    def threshold(self, me: Me) -> Mapping[Outcome, Number]:
        """Ask for at least `need`, which is more than one less."""
        return {self.delivery: maximum(me.need - 1, 0)}

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Run on what was delivered, else on stock, else not at all."""
        supplied = heard[self.delivery] | (me.need == 0)
        works = me.outage <= 1  # in the step that comes
        runs = works & (supplied | (me.stock > 0))
        more, less = minimum(me.stock + 1, me.cover), maximum(me.stock - 1, 0)
        stock = where(supplied, more, where(runs, less, me.stock))
        return me.set(
            state=where(runs, "RUNNING", "STOPPED"),
            stock=clip(stock, 0, LONGEST_COVER),
            outage=maximum(me.outage - 1, 0),
        )
