"""In which stage an agent begins, and since when, where its holder knows it; only the rest is drawn."""

from typing import Final

import numpy as np

from protocols.arithmetic import distributions
from protocols.arithmetic.fixed_point import I64
from protocols.arithmetic.philox import DrawPurpose, words
from protocols.errors import DataError, ParameterError
from protocols.models.agent_model import UNKNOWN, AgentSource, Columns, ColumnSpec
from protocols.models.seir.parameters import MAX_DAYS, Seir
from protocols.models.stage import Stage
from protocols.models.substep import State

STAGE: Final = "stage"
SINCE: Final = "since"
COLUMNS: Final = (
    ColumnSpec(STAGE, 0, len(Stage) - 1, default=UNKNOWN, names=tuple(stage.name for stage in Stage)),
    ColumnSpec(SINCE, 0, MAX_DAYS, default=UNKNOWN, elapsed=True),
)


def begin(spec: Seir, drawn: State, source: AgentSource, columns: Columns) -> State:
    """Return the state of the first step with what holders know in place of what was drawn.

    Args:
        spec: the model.
        drawn: as if nobody knew anything.
        source: the agents' numbers, and the key of what is drawn of them.
        columns: `stage`, and `since`, for how many steps an agent has been in it: its stay has the law of those that
            last longer. It has just begun where that is not known.

    Raises:
        DataError: a stage that there is not, a time without a stage, or more time than the model's law has; by its row.

    Security: what is known changes no message's size, and nothing but the agent's own course.
    """
    n = source.agents.size
    stage, since = (_column(columns, spec_, n) for spec_ in COLUMNS)
    known, told = stage != UNKNOWN, since != UNKNOWN
    _refuse(told & ~known, "since is given and stage is not; give both, or leave both empty")
    if not known.any():
        return drawn
    timer = np.where(known, 0, np.asarray(drawn["timer"]))
    stays = (
        (Stage.E, "latent", spec.latent, DrawPurpose.LATENT),
        (Stage.I, "infectious", spec.infectious, DrawPurpose.INFECTIOUS),
        (Stage.R, "waning", spec.waning, DrawPurpose.WANING),
    )
    for each, name, law, purpose in stays:
        rows = np.flatnonzero(stage == each)
        if not rows.size or not law:
            continue
        passed = np.where(told, since, 0)[rows]
        longest = int(np.flatnonzero(law)[-1]) + 1
        late = np.zeros(n, dtype=np.bool_)
        late[rows] = passed >= longest
        _refuse(late, f"stage {each.name} lasts less than {longest + 1} steps by the law {name}, and since says more")
        stay = distributions.days(words(source.key, source.agents[rows], purpose), law, over=passed)
        timer[rows] = stay - passed
    begun = np.where(known, stage, np.asarray(drawn["stage"]))
    return {**drawn, "stage": begun.astype(np.int8), "timer": timer.astype(np.int16)}


def require_drawn(spec: Seir | object, columns: Columns) -> None:
    """Refuse known stages in a run that yields derivatives, whose first score is of a draw.

    Raises:
        DataError: the model is this one, and an agent's stage is known; by its row.
    """
    known = np.asarray(columns.get(STAGE, UNKNOWN)) != UNKNOWN
    if isinstance(spec, Seir):
        _refuse(
            np.atleast_1d(known),
            "stage is known, and derivatives of the table [model] take drawn stages alone; leave it empty, or take a "
            "model by its name",
        )


def _column(columns: Columns, spec: ColumnSpec, n: int) -> I64:
    """Return int64[n], `UNKNOWN` where it is not known."""
    given = np.asarray(columns.get(spec.name, np.full(n, UNKNOWN)))
    if given.shape != (n,) or given.dtype.kind != "i":
        raise ParameterError(f"{spec.name} has shape {given.shape} and type {given.dtype}; give {n} whole numbers")
    outside = (given != UNKNOWN) & ((given < spec.low) | (given > spec.high))
    _refuse(outside, f"{spec.name} is outside of [{spec.low:g}, {spec.high:g}]")
    return given.astype(np.int64)


def _refuse(wrong: np.ndarray, message: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        raise DataError(f"agent {row}: {message}", row)
