"""Message and update of each process, and models composed of them."""

from protocols.substeps.model import Model as Model
from protocols.substeps.seir import Seir as Seir
from protocols.substeps.stage import Stage as Stage
from protocols.substeps.substep import Exposure as Exposure
from protocols.substeps.substep import State as State
from protocols.substeps.substep import Substep as Substep

__all__ = ["Exposure", "Model", "Seir", "Stage", "State", "Substep"]
