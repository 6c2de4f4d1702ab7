"""What agents of hand-written engines hear of their cells: a hazard alone."""

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.run_model import agent_model_of
from protocols.task.manifest import Simulation


def cell_hazards(manifest: Simulation, totals: I64) -> I64:
    """Return the hazard that each cell exerts in a step, int64[cells]; of models with one outcome."""
    sizes = np.array(manifest.cells, dtype=np.int64)
    return agent_model_of(manifest.model).pressure(totals, sizes)[:, 0]
