"""The relaxed dynamics of the table `[model]`, as the parties of a run meet it."""

from typing import Any, Final, NoReturn, final

import numpy as np

from protocols.errors import DataError, ParameterError
from protocols.models.agent_model import UNKNOWN, AgentModel, AgentSource, Columns, ColumnSpec, TallyWord
from protocols.models.outcome import OutcomeSpec
from protocols.models.relaxed_agents import F64
from protocols.models.seir.parameters import Seir
from protocols.models.state import State

STAGES: Final = ("S", "E", "I", "R")
SUSCEPTIBILITY: Final = ColumnSpec("susceptibility", 2.0**-16, 2.0**14, default=UNKNOWN, bits=16)
DRAWN: Final = (  # what nobody may know here; it is read as everywhere, so that whoever does learns why not
    ColumnSpec("stage", 0, len(STAGES) - 1, default=UNKNOWN, names=STAGES),
    ColumnSpec("since", 0, 2**15 - 1, default=UNKNOWN, elapsed=True),
)


def susceptibility(columns: Columns, n: int) -> F64:
    """Return S_i / n_i of Eq. 8, float64[n]; 1 where it is not given.

    Raises:
        DataError: it is not a positive number of each agent.
    """
    given = np.asarray(columns.get(SUSCEPTIBILITY.name, np.full(n, UNKNOWN)))
    if given.shape != (n,) or given.dtype.kind != "i" or not ((given > 0) | (given == UNKNOWN)).all():
        raise DataError(f"susceptibility must be {n} positive numbers in fixed point, one for each agent")
    return np.where(given == UNKNOWN, 1.0, given * 2.0**-SUSCEPTIBILITY.bits)


@final
class SeirAgents(AgentModel):
    """One outcome, infection. Agents are probabilities: whatever is of single ones is refused."""

    def __init__(self, spec: Seir) -> None:
        """Take what a manifest says."""
        c = len(spec.beta)
        self.outcomes = (OutcomeSpec("infection", spec.beta, (spec.cell_beta,)),)
        self.directed, self.most, self.along, self.cell_most = (False,) * c, (1,) * c, (None,) * c, (1,)
        self.tally = tuple(TallyWord(stage, stage_of="stage") for stage in STAGES)
        self.columns = (SUSCEPTIBILITY, *DRAWN)

    @property
    def speakers(self) -> tuple[int, ...]:
        """The infectious."""
        return (STAGES.index("I"),)

    def initial_state(self, source: AgentSource, columns: Columns) -> State:
        """Return no state: the relaxed agents have their own.

        Raises:
            DataError: an agent's stage is known, by its row; or a susceptibility is none.
        """
        susceptibility(columns, source.agents.size)
        for name in (spec.name for spec in DRAWN):
            known = np.atleast_1d(np.asarray(columns.get(name, UNKNOWN)) != UNKNOWN)
            if known.any():
                row = int(np.argmax(known)) + 1
                raise DataError(
                    f"agent {row}: {name} is known, and derivatives of the table [model] take drawn stages alone; "
                    "leave it empty, or take a model by its name",
                    row,
                )
        return {}

    def draw_state(self, draw: np.random.Generator, n: int) -> dict[str, np.ndarray]:
        """Return nothing: how likely an agent is in which stage follows from the parameters."""
        return {}

    def refuse(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse what is of single agents.

        Raises:
            ParameterError: always.
        """
        raise ParameterError("relaxed agents of the table [model] are probabilities; single ones are of its graph")

    messages = weights = thresholds = totals = update = refuse
