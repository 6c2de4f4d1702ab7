"""What happened by chance in a run, agent by agent: how likely it was, and what else could have happened."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

import numpy as np

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models.graph import GraphNode
from protocols.models.likelihood.entries import LawSlopes, ParameterEntry
from protocols.models.likelihood.tape import NONE, Slopes, Tape

DRAW, FIELD, CLOCK = "draw", "field", "clock"


class ChanceEvent(NamedTuple):
    """Draws of one kind in one step, of some rows of agents.

    Attributes:
        kind: `DRAW`: one of a node; `FIELD`: one that a field has held until it matters, now; `CLOCK`: of an outcome
            whether its level crosses its threshold.
        name: of the node as a number, of the field, or of the outcome.
        step: of the run; -1 for draws of the beginning.
        rows: int64[m].
        score: derivative of log p of what happened, float64[m].
        rate: at which it becomes `value` as a parameter grows, float64[m].
        value: int64[m], of the alternative.
    """

    kind: str
    name: int | str
    step: int
    rows: Any
    score: Slopes
    rate: Slopes
    value: Any


class Chance(NamedTuple):
    """The same of one draw for all rows."""

    score: Slopes
    rate: Slopes
    value: Any


@final
@dataclass(frozen=True, slots=True, eq=False)
class Chances:
    """The laws of draws at one point.

    Attributes:
        entries: the parameters, by whose places slopes are numbered.
        laws: how each law of days changes with its mean.
        at_bounds: parameters that move a probability which is 0 or 1, or a hazard of 0: what could happen then has no
            score.
    """

    entries: Sequence[ParameterEntry]
    laws: Mapping[str, LawSlopes]
    at_bounds: set[int] = field(default_factory=set)

    def of(self, tape: Tape, number: int, mask: Any) -> Chance | None:
        """Return the chance of a draw that has been made; None where no parameter moves it."""
        node = tape.graph.nodes[number]
        if node.op == "happens":
            return self._happens(tape, node, number, mask)
        return self._days(tape, node, number) if node.op == "days" else None

    def _happens(self, tape: Tape, node: GraphNode, number: int, mask: Any) -> Chance | None:
        slopes = tape.slopes.get(node.inputs[0], NONE)
        if not slopes:
            return None
        likely, bit = np.asarray(tape.values[node.inputs[0]]) / LAW_TOTAL, np.asarray(tape.values[number])
        scaled = {p: np.asarray(slope) / LAW_TOTAL for p, slope in slopes.items()}
        with np.errstate(divide="ignore", invalid="ignore"):
            score = {p: np.where(bit, s / likely, -s / (1 - likely)) for p, s in scaled.items()}
            rate = {
                p: np.where(likely > 1 / 2, np.where(bit, -s / likely, 0.0), np.where(bit, 0.0, s / (1 - likely)))
                for p, s in scaled.items()
            }
        edge = mask & ((likely <= 0) | (likely >= 1))
        self.at_bounds.update(p for p, s in scaled.items() if (edge & (s != 0)).any())
        finite = {p: np.where(np.isfinite(s), s, 0.0) for p, s in score.items()}
        return Chance(finite, rate, (~bit.astype(np.bool_)).astype(np.int64))

    def _days(self, tape: Tape, node: GraphNode, number: int) -> Chance | None:
        name = tape.graph.nodes[node.inputs[0]].name
        rows = {p: entry.place for p, entry in enumerate(self.entries) if entry.name == name}
        if not rows:
            return None
        law, value, row = (np.asarray(tape.values[each]) for each in (node.inputs[0], number, node.inputs[1]))
        passed = np.minimum(tape.values[node.inputs[2]], law.shape[1]) if len(node.inputs) > 2 else 0
        day = np.clip(value + passed - 1, 0, law.shape[1] - 1)
        score, shift = (each[row, day] for each in self.laws[name])
        if np.any(passed):
            more, less = _given_passed(law / LAW_TOTAL, self.laws[name].score, row, passed, day)
            score, shift = score + more, shift + less
        own = {p: row == place for p, place in rows.items()}
        return Chance(
            {p: np.where(mine, score, 0.0) for p, mine in own.items()},
            {p: np.where(mine, shift, 0.0) for p, mine in own.items()},
            value + _next_days(law)[row, day] - day,
        )


def _next_days(law: Any) -> Any:
    """Return by the place of each day that of the next one that has a weight, int64[rows, days]; its own if none has.

    What leaves a day as the mean grows comes to that one, over days that nobody can draw.
    """
    days = np.arange(law.shape[1])
    weighty = np.where(law > 0, days, days.size)[:, ::-1]
    beyond = np.pad(np.minimum.accumulate(weighty, axis=1)[:, ::-1], ((0, 0), (0, 1)), constant_values=days.size)[:, 1:]
    return np.where(beyond < days.size, beyond, days)


def _given_passed(law: Any, score: Any, row: Any, passed: Any, day: Any) -> tuple[Any, Any]:
    """Return what it adds to score and rate of a stay that some days of it have passed.

    Of stays that are longer than these the law is `p_d / S`, with S the chance of more days: `-d log S` is added to the
    score, and `S_d (-d log S) / p_d` to the rate.

    Args:
        law: probabilities of days, float64[rows, days].
        score: d log p_d, float64[rows, days].
        row, passed, day: of each agent; the last is the place of the day on which its stay ends.
    """
    more, moved = 1.0 - np.cumsum(law, axis=1), np.cumsum(law * score, axis=1)  # of days that have no weight too
    before = np.maximum(passed - 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # of agents whose stay is of another kind, nothing matters
        slope = np.where(passed > 0, moved[row, before] / more[row, before], 0.0)
        return slope, slope * more[row, day] / law[row, day]


def event_of(what: tuple[str, int | str], step: int, chance: Chance, mask: Any, n: int) -> Iterator[ChanceEvent]:
    """Yield the event of those rows to whom a draw, by its kind and name, matters; if there are any."""
    moved = np.zeros(n, dtype=np.bool_)
    for slope in (*chance.score.values(), *chance.rate.values()):
        moved |= np.asarray(slope) != 0
    rows = np.flatnonzero(moved & mask)
    if rows.size:
        score, rate = (_select_rows(slopes, rows, n) for slopes in (chance.score, chance.rate))
        yield ChanceEvent(*what, step, rows, score, rate, np.broadcast_to(chance.value, (n,))[rows])


def _select_rows(slopes: Mapping[int, Any], rows: Any, n: int) -> Slopes:
    return {p: np.broadcast_to(slope, (n,))[rows] for p, slope in slopes.items()}
