"""A model as the parties of a run meet it: whatever it is of, they need no more than this."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.counters import Step
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.philox import Key
from protocols.models.cells import pressure
from protocols.models.outcome import OutcomeSpec, bound_level
from protocols.models.state import State

Bools = npt.NDArray[np.bool_]
Columns = Mapping[str, np.ndarray]  # what an agent's holder gives: array[n] of each private column
NO_COLUMNS: Final[Columns] = MappingProxyType({})
UNKNOWN: Final = -(2**63)  # in a column, of what an agent's holder does not know
SILENT: Final = -1  # weight of the way back along a directed contact, which carries nothing


@final
@dataclass(frozen=True, slots=True)
class AgentSource:
    """Whose state it is, for what is drawn: the same numbers wherever an agent lives.

    Attributes:
        agents: uint64[n], their numbers in the run.
        key: of the simulation generator: a client's own, or the testbed's; of replicates each agent has its own.
    """

    agents: U64 = field(repr=False)
    key: Key = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class StepInputs:
    """What reaches each agent in a step.

    Attributes:
        step: of the run.
        contact: int64[n, c], the sum of its neighbours' messages on each contact channel, as far as it is known here.
        pressure: int64[n, o], by how much its cell raises the level of each outcome.
        cells: int64[n, w], the totals of the agent's own cell, of each cell channel.
        sizes: int64[n], how many mix in that cell.
        decided: int64[n, o], of each outcome its bit, or its level where it reveals the sum.
        public: the environment's numbers; of replicates int64[n] each.
    """

    step: Step
    contact: I64 = field(repr=False)
    pressure: I64 = field(repr=False)
    cells: I64 = field(repr=False)
    sizes: I64 = field(repr=False)
    decided: I64 = field(repr=False)
    public: Mapping[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Contacts as their sender knows them.

    Attributes:
        sender: int64[m], its row among own agents.
        channel: int64[m].
        weight: int64[m], the contact's own number, or `SILENT`.
    """

    sender: I64 = field(repr=False)
    channel: I64 = field(repr=False)
    weight: I64 = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A private column of an agent's holder.

    Attributes:
        name: of the column.
        low, high: its range, both included, as a file has it.
        default: where it is not given; None where it must be.
        bits: fraction bits of what is a decimal number in a file; 0 of whole numbers.
        names: of its values, from 0, which may stand in place of these.
        elapsed: whether it says since when, in steps before the run; a date may stand in place of these.
    """

    name: str
    low: float
    high: float
    default: float | None = None
    bits: int = 0
    names: tuple[str, ...] = ()
    elapsed: bool = False


@final
@dataclass(frozen=True, slots=True)
class TallyWord:
    """One number of an agent whose total a run may release.

    Attributes:
        name: of the stage, or of the observable.
        low, high: range of each agent's number; 0 and 1 of a stage.
        stage_of: the field of which it is a stage: each agent is in one stage of a field. None of an observable.
    """

    name: str
    low: int = 0
    high: int = 1
    stage_of: str | None = None


class AgentModel(abc.ABC):
    """What agents are, what they tell each other, and how they change (Eq. 1 of arXiv 2507.09901).

    Attributes:
        outcomes: what agents' holders learn.
        directed: of each contact channel, whether its contacts have a direction.
        most: of each contact channel, the largest message, before a contact's weight.
        along: of each contact channel, the range of contacts' own numbers where messages are made of them; there `most`
            is the largest message. None where messages are multiplied by them, which are weights then.
        cell_channels: names of the channels to an agent's cell, where they have any.
        cell_most: of each of them, the largest message.
        cell_field: the field that says in which cell an agent is at present; None where its holder gives one, which
            stays.
        cell_names: of that field's cells.
        tally: the numbers whose totals a run may release: all stages of all stage fields, then observables.
        columns: what an agent's holder gives.
        public: names of the environment's numbers that agents hear, in order, and their ranges.
    """

    outcomes: tuple[OutcomeSpec, ...]
    directed: tuple[bool, ...]
    most: tuple[int, ...]
    along: tuple[tuple[int, int] | None, ...]
    cell_most: tuple[int, ...]
    cell_channels: tuple[str, ...] = ()
    cell_field: str | None = None
    cell_names: tuple[str, ...] = ()
    tally: tuple[TallyWord, ...]
    columns: tuple[ColumnSpec, ...]
    public: Mapping[str, tuple[int, int]] = MappingProxyType({})

    @property
    @abc.abstractmethod
    def speakers(self) -> tuple[int, ...]:
        """Return places in the tally of the stages whose agents, and no others, say 1 to their cell.

        None where what is said depends on more than a stage, or is more than 1.
        """

    @abc.abstractmethod
    def initial_state(self, source: AgentSource, columns: Columns) -> State:
        """Return the state of the beginning.

        Raises:
            DataError: a column is missing, or out of its range.
        """

    @abc.abstractmethod
    def draw_state(self, draw: np.random.Generator, n: int) -> dict[str, np.ndarray]:
        """Return fields of n agents, drawn from their ranges: what an audit puts in place of a private state."""

    @abc.abstractmethod
    def messages(self, state: State) -> I64:
        """Return int64[n, c + w]: what each agent tells on each contact channel, and on each cell channel."""

    def messages_along(self, state: State, messages: I64, edges: Edges) -> I64:
        """Return int64[m], what is told along each contact.

        Args:
            state: of all senders.
            messages: int64[n, c + w], what they tell on each channel.
            edges: out of them.
        """
        return times_weight(messages, edges)

    @abc.abstractmethod
    def weights(self, state: State) -> I64:
        """Return int64[n, o], the weight of each outcome's growth; 1 where nothing is weighted."""

    @abc.abstractmethod
    def thresholds(self, state: State) -> I64:
        """Return int64[n, o], the threshold of each outcome; 0 where the sum is revealed."""

    @abc.abstractmethod
    def totals(self, state: State, *, copies: int = 1) -> I64:
        """Return int64[q * copies], the total of each number of the tally in each replicate, whose agents alternate."""

    @abc.abstractmethod
    def update(self, state: State, inputs: StepInputs, source: AgentSource) -> tuple[State, Bools]:
        """Return the next state, and bool[n, o]: whose level of which outcome begins anew after this step."""

    def level_bounds(self, *, n: int, max_message: int, steps: int) -> tuple[int, ...]:
        """Return a bound on every level of each outcome.

        Args:
            n: private agents that could all tell one agent something.
            max_message: the largest message on one channel in one step, its contact's weight included.
            steps: length of the run.

        Raises:
            WouldWrap: a bound reaches 2**63, or of a sum that is revealed 2**57.
        """
        bounds = []
        for outcome in self.outcomes:
            growth = sum(outcome.coefficients) * n * max_message + sum(outcome.cell_coefficients)
            largest = growth * (outcome.weight or 1) * (steps if outcome.keep else 1)
            bounds.append(bound_level(outcome.name, largest, reveals=outcome.reveals))
        return tuple(bounds)

    def increments(self, contact: I64, pressure: I64) -> I64:
        """Return int64[n, o]: by how much a step raises each level, before weights.

        Args:
            contact: int64[n, c], exposures.
            pressure: int64[n, o], from cells.
        """
        coefficients = np.array([outcome.coefficients for outcome in self.outcomes], dtype=np.int64)
        grown: I64 = contact @ coefficients.reshape(len(self.outcomes), contact.shape[1]).T + pressure
        return grown

    def pressure(self, totals: I64, sizes: I64) -> I64:
        """Return int64[cells, o]: by how much each cell raises the level of each outcome in a step.

        Args:
            totals: int64[w * cells], of each cell channel the totals of all cells.
            sizes: int64[cells], how many mix in each.
        """
        by_channel = totals.reshape(len(self.cell_most), sizes.size)
        grown = np.zeros((sizes.size, len(self.outcomes)), dtype=np.int64)
        for column, outcome in enumerate(self.outcomes):
            for total, factor in zip(by_channel, outcome.cell_coefficients, strict=True):
                if factor:
                    grown[:, column] += pressure(total, sizes, factor)
        return grown


def times_weight(messages: I64, edges: Edges) -> I64:
    """Return int64[m], each contact's message times its weight."""
    told: I64 = messages[edges.sender, edges.channel] * np.maximum(edges.weight, 0)
    return told


def decide(outcomes: Sequence[OutcomeSpec], levels: I64, thresholds: I64) -> I64:
    """Return int64[n, o], of each outcome its bit, or its level where it reveals the sum."""
    bits = np.array([outcome.is_bit for outcome in outcomes], dtype=np.bool_)
    return np.where(bits, levels > thresholds, levels).astype(np.int64)


def stage_ends(tally: Sequence[TallyWord]) -> list[int]:
    """Return where in a tally the stages of each field end: each agent is in one stage of a field."""
    fields = [word.stage_of for word in tally]
    return [
        place + 1
        for place, field_ in enumerate(fields)
        if field_ is not None and (place + 1 == len(fields) or fields[place + 1] != field_)
    ]
