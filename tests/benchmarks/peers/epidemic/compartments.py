"""S-E-I-R in expectation with tangents, written by hand: what a graph's chain with geometric stays is held against."""

import numpy as np

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models.dual import Dual
from protocols.models.escape import escape
from protocols.models.relaxed_agents import RelaxedAgents


class Compartments(RelaxedAgents):
    """n agents, each susceptible, exposed or infectious with a probability; no stay has a memory."""

    def __init__(self, table, gradient, *, sizes, cell):
        """Begin, with tangents by rates and by the share that is infectious at first, in this order."""
        super().__init__(gradient, sizes=sizes, cell=cell)
        rates = [number * 2.0**-table.f for number in (*table.beta, table.cell_beta)]
        means = [sum(day * w for day, w in enumerate(law, 1)) / LAW_TOTAL for law in (table.latent, table.infectious)]
        each = np.eye(gradient.p)[..., None]
        self._rates = [Dual(np.array([rate]), each[:, place]) for place, rate in enumerate(rates)]
        self._ends = [Dual(np.array([1.0 / mean]), np.zeros((gradient.p, 1))) for mean in means]
        ill = Dual(np.array([table.initial / LAW_TOTAL]), each[:, -1]) * np.ones(cell.size)
        self.stages = (1.0 - ill, ill * 0.0, ill)

    def messages(self):
        """Return what each agent tells everybody."""
        told = self.to_fixed(self.stages[2])
        return np.broadcast_to(told[:, :, None], (*told.shape, len(self._rates)))

    def tally(self):
        """Return how many agents are expected in each stage."""
        s, e, i = self.stages
        return np.stack([self.to_fixed(stage).sum(axis=1) for stage in (s, e, i, 1.0 - s - e - i)])

    def update(self, contact, totals, *, step):
        """Move on by one step."""
        hazard = 0.0
        for channel, rate in enumerate(self._rates[:-1]):
            hazard = self.to_real(contact[:, channel].T) * rate + hazard
        hazard = self.shares(totals) * self._rates[-1] + hazard
        s, e, i = self.stages
        new, ends, recovers = s * escape(hazard), e * self._ends[0], i * self._ends[1]
        self.stages = s - new, e - ends + new, i - recovers + ends
