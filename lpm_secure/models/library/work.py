"""Work: people are employed, furloughed or unemployed, and what they buy says how many their sector keeps."""

from collections.abc import Mapping

from lpm_secure.models.declarations import (
    Message,
    Observable,
    cell_message,
    field,
    message,
    observable,
    outcome,
    parameter,
    private,
    stage,
)
from lpm_secure.models.functions import clip, maximum, minimum, ratio, where
from lpm_secure.models.model import Draw, Heard, Me, Model
from lpm_secure.models.symbols import Number, Symbol
from lpm_secure.models.units import NUMBER, PROBABILITY, rate

BITS = 16  # of shares
ONE = 1 << BITS
LARGEST_WAGE = 10_000  # money in a step
LARGEST_SAVINGS = 10**9  # money
LARGEST_CAUTION = 2**20  # weight of contacts


class LabourMarket(Model):
    """Demand is the share of a sector's people that buy in a step; a sector is a cell, and its total tells all of it.

    An employed agent is furloughed with probability `layoff` times the demand that is missing. A furloughed one is
    recalled with probability `recall` times demand; if not, it is dismissed with probability `dismissal`. An unemployed
    one is hired with probability `hiring` times demand. Wages are paid by the job of the step, and so are benefits: a
    share of the agent's wage. Who buys pays the price, out of its savings. Employed agents spend as if they were idle
    while contacts without work weigh more than their private caution.

    Source: hazards of separation and of finding a job as in Shimer 2012, Reassessing the Ins and Outs of Unemployment
        (Review of Economic Dynamics 15); recall as in Fujita and Moscarini 2017, Recall and Unemployment (American
        Economic Review 107); spending that falls with the fear of unemployment as in Carroll and Dunn 1997,
        Unemployment Expectations, Jumping (S,s) Triggers, and Household Balance Sheets (NBER Macroeconomics Annual 12).
        That demand moves the hazards, in proportion, is this model's own.
    """

    job = stage("EMPLOYED", "FURLOUGHED", "UNEMPLOYED")
    buys = field(0, 1)
    savings = field(0, LARGEST_SAVINGS)
    benefit = field(0, LARGEST_WAGE)  # received in the last step
    wage = private(0, LARGEST_WAGE)  # money in a step
    reserve = private(0, LARGEST_SAVINGS)  # savings of the beginning
    caution = private(0, LARGEST_CAUTION)  # weight of contacts without work beyond which an agent worries

    unemployment = parameter(0.05, unit=PROBABILITY)  # at first
    spending = parameter(0.8, unit=PROBABILITY)  # of buying in a step, of who is employed
    spending_idle = parameter(0.5, unit=PROBABILITY)  # of who is not, or worries
    layoff = parameter(0.2, unit=PROBABILITY)
    recall = parameter(0.3, unit=PROBABILITY)
    dismissal = parameter(0.05, unit=PROBABILITY)
    hiring = parameter(0.1, unit=PROBABILITY)
    furlough_pay = parameter(0.8, unit=rate(BITS), bounds=(0.0, 1.0))  # of the wage
    dole = parameter(0.5, unit=rate(BITS), bounds=(0.0, 1.0))  # of the wage
    price = parameter(100, unit=NUMBER, bounds=(0, LARGEST_WAGE))  # money

    purchase = cell_message(most=1)
    idleness = message(most=1)
    alarm = outcome(idleness, above=caution, keep=False)
    payments = observable(0, LARGEST_WAGE)

    def begin(self, me: Me, draw: Draw) -> Me:
        """Draw who is unemployed at first, and who buys."""
        idle = draw.happens(self.unemployment, "unemployment")
        me = me.set(job=where(idle, "UNEMPLOYED", "EMPLOYED"), savings=me.reserve, benefit=0)
        return self._shopping(me, draw, me.job == "EMPLOYED")

    def says(self, me: Me) -> Mapping[Message, Number]:
        """Tell the cell whether the agent buys, and contacts whether it is without work."""
        return {self.purchase: me.buys, self.idleness: me.job != "EMPLOYED"}

    def totals(self, me: Me) -> Mapping[Observable, Number]:
        """Count the benefits that were paid."""
        return {self.payments: me.benefit}

    def update(self, me: Me, heard: Heard, draw: Draw) -> Me:
        """Pay and be paid; then change jobs by the demand of the step, and decide whether to buy in the next."""
        me = self._accounts(me)
        size = maximum(heard.size[self.purchase], 1)
        demand = minimum(ratio(heard.cell[self.purchase], ONE, size), ONE)
        leaves = draw.happens(_part(self.layoff, ONE - demand), "layoff")
        returns = draw.happens(_part(self.recall, demand), "recall")
        goes = draw.happens(self.dismissal, "dismissal")
        found = draw.happens(_part(self.hiring, demand), "hiring")
        furloughed = where(returns, "EMPLOYED", where(goes, "UNEMPLOYED", "FURLOUGHED"))
        unemployed = where(found, "EMPLOYED", "UNEMPLOYED")
        employed = where(leaves, "FURLOUGHED", "EMPLOYED")
        job = where(me.job == "EMPLOYED", employed, where(me.job == "FURLOUGHED", furloughed, unemployed))
        me = me.set(job=job)
        return self._shopping(me, draw, (me.job == "EMPLOYED") & ~heard[self.alarm])

    def _accounts(self, me: Me) -> Me:
        share = where(me.job == "FURLOUGHED", self.furlough_pay, where(me.job == "UNEMPLOYED", self.dole, 0))
        benefit = me.wage * share >> BITS
        income = where(me.job == "EMPLOYED", me.wage, benefit)
        savings = me.savings + income - where(me.buys == 1, self.price, 0)
        return me.set(savings=clip(savings, 0, LARGEST_SAVINGS), benefit=benefit)

    def _shopping(self, me: Me, draw: Draw, spends: Number) -> Me:
        likely = where(spends, self.spending, self.spending_idle)
        return me.set(buys=draw.happens(likely, "shopping") & (me.savings >= self.price))


def _part(probability: Symbol, share: Symbol) -> Symbol:
    return probability * share >> BITS
