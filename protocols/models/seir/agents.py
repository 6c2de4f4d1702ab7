"""S-E-I-R by hand-written substeps, as the parties of a run meet it."""

from typing import Final, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError
from protocols.models.agent_model import AgentModel, AgentSource, Bools, Columns, ColumnSpec, StepInputs, TallyWord
from protocols.models.outcome import OutcomeSpec
from protocols.models.seir import onset
from protocols.models.seir.parameters import Seir
from protocols.models.seir.waning import find_returns
from protocols.models.stage import Stage
from protocols.models.substep import Exposure, State

SUSCEPTIBILITY: Final = "susceptibility"
LARGEST: Final = 2.0**1000  # of a susceptibility


def susceptibility(columns: Columns, n: int) -> npt.NDArray[np.float64]:
    """Return S_i / n_i of Eq. 8, float64[n]; 1 where it is not given.

    Raises:
        DataError: it is not a positive, finite number of each agent.
    """
    given = np.asarray(columns.get(SUSCEPTIBILITY, np.ones(n)), dtype=np.float64)
    if given.shape != (n,) or not (np.isfinite(given) & (given > 0)).all():
        raise DataError(f"susceptibility must be {n} positive, finite numbers, one for each agent")
    return given


@final
class SeirAgents(AgentModel):
    """One outcome, infection; weights where there are doses, and levels that begin anew where immunity wanes."""

    def __init__(self, spec: Seir) -> None:
        """Take what a manifest says."""
        self._spec, self._substeps = spec, spec.model()
        c = len(spec.beta)
        self.outcomes = (
            OutcomeSpec(
                "infection",
                spec.beta,
                (spec.cell_beta,),
                threshold="restart" if spec.waning else "once",
                restarts=bool(spec.waning),
                weight=None if spec.doses is None else spec.largest_weight,
            ),
        )
        self.directed, self.most, self.along, self.cell_most = (False,) * c, (1,) * c, (None,) * c, (1,)
        self.tally = tuple(TallyWord(stage.name, stage_of="stage") for stage in Stage)
        least = 1.0 / spec.largest_scale * (1 + 2.0**-50)  # thresholds of less could wrap
        self.columns = (ColumnSpec(SUSCEPTIBILITY, least, LARGEST, default=1.0, whole=False), *onset.COLUMNS)

    @property
    def speakers(self) -> tuple[int, ...]:
        """The infectious."""
        return (int(Stage.I),)

    def initial_state(self, source: AgentSource, columns: Columns) -> State:
        """Draw what nobody knows; the column `susceptibility`, S_i / n_i of Eq. 8, is 1 where it is not given."""
        scale = 1.0 / susceptibility(columns, source.agents.size)
        return onset.begin(self._spec, self._spec.initial_state(source.agents, source.key, scale), source, columns)

    def draw_state(self, draw: np.random.Generator, n: int) -> dict[str, np.ndarray]:
        """Return drawn stages, timers and thresholds."""
        stage = draw.integers(0, len(Stage), n)
        waits = (stage == Stage.E) | (stage == Stage.I)
        return {
            "stage": stage,
            "timer": np.where(waits, draw.integers(1, 4, n), 0),
            "tau": 2 ** draw.integers(20, 45, n) + draw.integers(1, 1_000, n),
        }

    def messages(self, state: State) -> I64:
        """Return 1 from an infectious agent, else 0, on every channel."""
        said: I64 = np.asarray(self._substeps.message(state, channels=len(self.directed)))
        return said

    def weights(self, state: State) -> I64:
        """Return the susceptibility that doses leave."""
        if self._spec.doses is None:
            return np.ones((state["stage"].size, 1), dtype=np.int64)
        weight: I64 = state["susceptibility"].astype(np.int64)[:, None]
        return weight

    def thresholds(self, state: State) -> I64:
        """Return tau."""
        tau: I64 = state["tau"][:, None]
        return tau

    def totals(self, state: State) -> I64:
        """Return how many are in each stage."""
        return np.array(self._substeps.tally(state), dtype=np.int64)

    def update(self, state: State, inputs: StepInputs, source: AgentSource) -> tuple[State, Bools]:
        """Move on; levels begin anew for those that become susceptible again."""
        exposure = Exposure(inputs.contact, inputs.pressure[:, 0], inputs.decided[:, 0] == 1)
        after = dict(self._substeps.update(state, exposure))
        if not self._spec.waning:
            return after, np.zeros((state["stage"].size, 1), dtype=np.bool_)
        return after, np.asarray(find_returns(state, after))[:, None]

    def level_bounds(self, *, n: int, max_message: int, steps: int) -> tuple[int, ...]:
        """Return the bound of a hazard."""
        return (self._spec.prove(n=n, max_message=max_message, steps=steps),)
