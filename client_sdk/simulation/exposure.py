"""What reached a client's agents in a step, as far as the client may know it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import AgentModel


@final
@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """Exposures from contacts, and what cells tell own agents.

    Attributes:
        contact: int64[n_own, c], exposures: in outcome mode those among own agents alone.
        pressure: int64[n_own, o], by how much cells raise each level.
        cells: int64[n_own, w], the totals of the agent's own cell, of each cell channel.
        sizes: int64[n_own], how many mix in it.
        public: the environment's numbers, as agents hear them.
    """

    contact: I64 = field(repr=False)
    pressure: I64 = field(repr=False)
    cells: I64 = field(repr=False)
    sizes: I64 = field(repr=False)
    public: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        model: AgentModel,
        contact: I64,
        public: Mapping[str, Any],
        *,
        cell: I64,
        sizes: tuple[int, ...],
        totals: I64 | None = None,
    ) -> "Exposure":
        """Return what cells tell, beside exposures and public numbers.

        Args:
            model: of the run.
            contact: int64[n_own, c].
            public: the environment's numbers.
            cell: int64[n_own], of each agent; nothing where the run has no cells.
            sizes: of all cells.
            totals: int64[w * cells], of each cell channel the totals of all cells, synthetic agents' part included;
                None where this client heard nothing of others.
        """
        n, w, mixing = contact.shape[0], len(model.cell_most), np.array(sizes, dtype=np.int64)
        if not sizes or totals is None:
            pressure, heard = (np.zeros((n, words), dtype=np.int64) for words in (len(model.outcomes), w))
            own = mixing[cell] if sizes else np.zeros(n, dtype=np.int64)
            return cls(contact, pressure, heard, own, public)
        most = np.array(model.cell_most, dtype=np.int64)[:, None] * mixing
        clipped = np.clip(totals.reshape(w, mixing.size), 0, most)
        return cls(contact, model.pressure(totals, mixing)[cell], clipped[:, cell].T, mixing[cell], public)
