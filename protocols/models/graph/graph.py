"""The graph of a model: what its agents are, what they tell each other, and how they change, as data.

A manifest carries the graph. Nobody installs, imports or runs its author's code: whoever holds the bytes can check,
bound, cost and interpret them. Its SHA-256 is what the model is.

Security: a graph that comes over the network is decoded by a strict, bounded reader, and checked node by node
    (`checks`) before anything else looks at it.
"""

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, final

import msgspec

from protocols import canonical_json
from protocols.errors import ModelError, ParameterError

MAX_BYTES: Final = 2**20
MAX_NODES: Final = 4096
MAX_TABLE: Final = 2**15
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}\Z")]
Word = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Index = Annotated[int, msgspec.Meta(ge=0, lt=MAX_NODES)]
DRAWS: Final = ("happens", "uniform", "days", "exponential")
PARTS: Final = {  # of a model: what their numbers are of
    "begin": "fields",
    "messages": "channels",
    "along": "channels",
    "weights": "outcomes",
    "thresholds": "outcomes",
    "restarts": "outcomes",
    "totals": "observables",
    "update": "fields",
}


@final
class GraphField(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A number of an agent's state.

    Attributes:
        low, high: its range, both included; every update is proved to stay within.
        stages: names of the values, from 0, where it is a stage; its totals are then a run's series.
        private: a column that the agent's holder gives; it never changes.
        bits: fraction bits of what its holder's file has as a decimal number.
        elapsed: of which stage it says for how long an agent has been in it at the beginning, where its holder knows.
        cells: names of the values, from 0, where it says in which of the run's cells an agent is at present.
    """

    low: Word
    high: Word
    stages: tuple[Name, ...] = ()
    private: bool = False
    bits: Annotated[int, msgspec.Meta(ge=0, le=62)] = 0
    elapsed: Name | None = None
    cells: tuple[Name, ...] = ()


@final
class GraphAxis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One index of a parameter: a private column, or a period of time, with its values from `low` to `high`."""

    name: Name
    low: Word
    high: Word

    @property
    def count(self) -> int:
        """How many entries there are along it."""
        return self.high - self.low + 1


@final
class GraphParameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A public number, or a table of numbers, that a configuration names and a gradient is taken by.

    Attributes:
        low, high: range of each integer.
        unit: of what its author gives: "number", "probability", "rate" or "law"; it says how that becomes integers.
        bits: fraction bits of the integers.
        length: 0 for one number; else the entries of a row of a table.
        rows: of the table; a group of agents or a period of time each.
        axes: what the rows are of, the last axis being the nearest; none where it is one number or one law.
    """

    low: Word
    high: Word
    unit: Literal["number", "probability", "rate", "law"] = "number"
    bits: Annotated[int, msgspec.Meta(ge=0, le=62)] = 0
    length: Annotated[int, msgspec.Meta(ge=0, le=MAX_TABLE)] = 0
    rows: Annotated[int, msgspec.Meta(ge=1, le=MAX_TABLE)] = 1
    axes: Annotated[tuple[GraphAxis, ...], msgspec.Meta(max_length=4)] = ()

    def entries(self) -> Iterator[str]:
        """Return the names of all rows, such as `age=2, week=3`."""
        lines = [[f"{axis.name}={value}" for value in range(axis.low, axis.high + 1)] for axis in self.axes]
        return map(", ".join, itertools.product(*lines))


@final
class GraphChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A way in which agents tell each other something.

    Attributes:
        most: of a message, which is at least 0.
        directed: whether contacts have a direction.
        cell: whether it goes to all of an agent's cell, through public totals, and not along contacts.
        along: the range of contacts' own numbers, where messages are made of these; else they are multiplied by them.
    """

    most: Annotated[int, msgspec.Meta(ge=1, le=2**32)]
    directed: bool = False
    cell: bool = False
    along: tuple[Word, Word] | None = None


@final
class GraphOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A linear sum of exposures, and what of it an agent's holder learns.

    Attributes:
        coefficients: for each channel a number, or the name of a parameter.
        reveals: "bit": whether the level is above a private threshold; "sum": the exact level, asked for by name.
        keep: whether the level adds up over the steps, or is that of the present step.
        threshold: when a threshold may change: never, when the level begins anew, or in each step.
    """

    coefficients: dict[Name, Word | Name]
    reveals: Literal["bit", "sum"] = "bit"
    keep: bool = True
    threshold: Literal["once", "restart", "step"] = "once"


@final
class GraphObservable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A number of an agent, in a range, whose total a run may release."""

    low: Word
    high: Word


@final
class GraphNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, array_like=True):
    """One operation.

    Attributes:
        op: of `OPERATIONS`, a leaf, "lookup" (table, index), or a draw.
        inputs: nodes before this one. A draw's are its operands, and the number of the spell where it is of a spell:
            happens (probability), uniform (low, count), days (law, row), exponential (). Days at the beginning may have
            a third one, how many have passed: they are then those that are left, and 0 where the law has no more.
        name: of the field, parameter, public number, outcome or channel ("edge": the contact's own number in it); a
            draw's purpose.
        numbers: a constant's value, a table's entries; of a draw its moment, and of an exponential its fraction bits.
    """

    op: Annotated[str, msgspec.Meta(max_length=16)]
    inputs: Annotated[tuple[Index, ...], msgspec.Meta(max_length=4)] = ()
    name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    numbers: Annotated[tuple[Word, ...], msgspec.Meta(max_length=MAX_TABLE)] = ()


@final
class ModelGraph(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model.

    Attributes:
        fields, parameters, channels, outcomes, observables: what there is, by name.
        public: names and ranges of the environment's numbers.
        nodes: each after its inputs.
        begin: the node of each field's first value; a field there is what its holder knows, where it is known.
        messages: of each channel's message, from the state; of those that are not in `along`.
        along: of each channel's message along a contact, from the state and the contact's own number.
        weights: of each outcome that has one, by which its growth is multiplied; from the state.
        thresholds: of each outcome that reveals a bit.
        restarts: of each outcome whose level is 0 again after a step where this is true; sees what `update` sees.
        totals: of each observable.
        update: of each field that changes, from state and outcomes.
    """

    fields: dict[Name, GraphField]
    nodes: Annotated[tuple[GraphNode, ...], msgspec.Meta(max_length=MAX_NODES)]
    begin: dict[Name, Index]
    messages: dict[Name, Index]
    update: dict[Name, Index]
    parameters: dict[Name, GraphParameter] = {}
    channels: dict[Name, GraphChannel] = {}
    outcomes: dict[Name, GraphOutcome] = {}
    observables: dict[Name, GraphObservable] = {}
    public: dict[Name, tuple[Word, Word]] = {}
    weights: dict[Name, Index] = {}
    thresholds: dict[Name, Index] = {}
    restarts: dict[Name, Index] = {}
    totals: dict[Name, Index] = {}
    along: dict[Name, Index] = {}
    version: Literal[1] = 1

    @property
    def parts(self) -> Mapping[str, Mapping[str, int]]:
        """The nodes that give each part of the model, by what it is a part of."""
        return {name: getattr(self, name) for name in PARTS}

    @property
    def cell_field(self) -> str | None:
        """The field that says in which cell an agent is at present; None where its holder gives one, which stays."""
        return next((name for name, field in self.fields.items() if field.cells), None)

    @property
    def identity(self) -> str:
        """SHA-256 of the canonical bytes: what the model is, whatever it is called and wherever it was written."""
        return hashlib.sha256(encode(self)).hexdigest()


def encode(graph: ModelGraph) -> bytes:
    """Return the canonical bytes."""
    return canonical_json.encode(graph)


def decode(content: bytes) -> ModelGraph:
    """Read what `encode` wrote.

    Raises:
        ModelError: too long, no graph, or not in canonical form. It is not checked yet: see `checks.check`.
    """
    try:
        return canonical_json.decode(content, ModelGraph, what="model", max_bytes=MAX_BYTES)
    except ParameterError as error:
        raise ModelError(str(error)) from error
