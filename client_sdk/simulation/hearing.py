"""What reached a client's agents in a step, as far as the client may know it."""

from dataclasses import dataclass, field
from typing import final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import AgentModel


@final
@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """Exposures from contacts, and what cells tell.

    Attributes:
        contact: int64[n_own, c], exposures: in outcome mode those among own agents alone.
        totals: int64[w * cells], of each cell channel the totals of all cells, synthetic agents' part included; None
            where this client heard nothing of others.
    """

    contact: I64 = field(repr=False)
    totals: I64 | None = None

    def in_cells(self, model: AgentModel, cell: I64, sizes: tuple[int, ...]) -> tuple[I64, I64, I64]:
        """Return what cells tell own agents.

        Args:
            model: of the run.
            cell: int64[n_own], of each agent; nothing where the run has no cells.
            sizes: of all cells.

        Returns:
            int64[n_own, o], by how much they raise each level; int64[n_own, w], totals; int64[n_own], sizes.
        """
        n, w = self.contact.shape[0], len(model.cell_most)
        if not sizes or self.totals is None:
            mixing = np.array(sizes, dtype=np.int64)[cell] if sizes else np.zeros(n, dtype=np.int64)
            return np.zeros((n, len(model.outcomes)), dtype=np.int64), np.zeros((n, w), dtype=np.int64), mixing
        mixing = np.array(sizes, dtype=np.int64)
        most = np.array(model.cell_most, dtype=np.int64)[:, None] * mixing
        clipped = np.clip(self.totals.reshape(w, mixing.size), 0, most)
        return model.pressure(self.totals, mixing)[cell], clipped[:, cell].T, mixing[cell]
