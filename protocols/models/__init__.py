"""Message and update of each process, and models composed of them."""

from protocols.models.model import SubstepModel as SubstepModel
from protocols.models.seir.parameters import Seir as Seir
from protocols.models.stage import Stage as Stage
from protocols.models.substep import Exposure as Exposure
from protocols.models.substep import State as State
from protocols.models.substep import Substep as Substep

__all__ = ["Exposure", "Seir", "Stage", "State", "Substep", "SubstepModel"]
