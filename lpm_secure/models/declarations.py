"""What a model's class declares, from stages to observables; a mistake raises ModelError, by its author's line.

Functions that declare something return it, for an attribute of the class.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Self, final, overload

from lpm_secure.models.axes import Axis, Period, Value, entries_of, index_of
from lpm_secure.models.symbols import Symbol, constant, place, refuse
from lpm_secure.models.units import NUMBER, Unit
from protocols.arithmetic.distributions import check_law, weigh_shares
from protocols.errors import ParameterError

MOST_LEVELS: Final = 64
WEIGHTS: Final = "a list of whole numbers; of a law weights of 1, 2, ... days, of 2**32 in all, or shares of 1"


class Declaration:
    """Something that a model's class body names; the name is that of the attribute.

    Attributes:
        name: of it.
        line: file and line of its author.
    """

    name: str = ""
    line: str = ""

    def __new__(cls, *_: object, **__: object) -> Self:
        """Note where it is declared."""
        made = super().__new__(cls)
        made.line = place()
        return made

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the attribute's name."""
        if self.name and self.name != name:
            refuse(f"{self.name} is declared again as {name}; declare each once")
        self.name = name


@final
@dataclass(eq=False)
class State(Declaration):
    """A number of an agent's state, in a range; `private`: a column of its holder's file, which never changes."""

    low: int
    high: int
    stages: tuple[str, ...] = ()
    private: bool = False
    bits: int = 0
    is_cell: bool = False  # whether `stages` are cells, and it says in which of them an agent is at present
    of: "State | None" = None  # the stage of which it says for how long an agent has been in it

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if not isinstance(self.low, int) or not isinstance(self.high, int) or self.low > self.high:
            refuse(f"a field's range is {self.low} to {self.high}; give two whole numbers, the lower one first")


@final
@dataclass(eq=False)
class Message(Declaration):
    """A channel: what agents tell each other along contacts, or through their cell's public total."""

    most: int
    directed: bool = False
    cell: bool = False
    along: tuple[int, int] | None = None


@final
@dataclass(eq=False)
class Outcome(Declaration):
    """A linear sum of exposures, and what of it an agent's holder may learn."""

    terms: Mapping[Message, "int | Parameter"]
    above: State | None = None
    reveals: Literal["bit", "sum"] = "bit"
    keep: bool = True
    threshold: Literal["once", "restart", "step"] = "once"


@final
@dataclass(eq=False)
class Public(Declaration):
    """A number that the run's environment announces in each step, in a range."""

    low: int
    high: int


@final
@dataclass(eq=False)
class Observable(Declaration):
    """A number of an agent, in a range, whose total a run may release; the method `totals` gives it."""

    low: int
    high: int


@final
@dataclass(eq=False)
class Parameter(Declaration):
    """A public number with a name, a unit and bounds, for configurations and for gradients: see `parameter`."""

    value: Value
    unit: Unit = NUMBER
    bounds: tuple[float, float] | None = None
    days: int = 0
    by: tuple[str, ...] = ()
    over: Period | None = None

    def __post_init__(self) -> None:
        """Refuse a value outside of its bounds, what does not become integers, and a law that is none."""
        self.is_indexed = bool(self.by or self.over)
        try:
            low, high = self.range("a bound")
            if low > high:
                raise ParameterError(f"the bounds of a parameter are {self.bounds}; give the lower one first")
            if not self.is_indexed:  # what entries there are is known when all of the class is
                self.integers(self.value, (), "a parameter")
        except ParameterError as error:
            refuse(str(error))

    def integers(self, value: Value, axes: Sequence[Axis], name: str) -> int | tuple[int, ...]:
        """Return a value as a graph's integers.

        Raises:
            ParameterError: it has another shape, or leaves its bounds.
        """
        if not axes:
            return self._entry(value, name)
        entries = [self._entry(each, name) for each in entries_of(value, axes, name, depth=self.unit.name == "law")]
        longest = max(self.days, *(len(each) if isinstance(each, tuple) else 0 for each in entries))
        rows = ((*each, *(0,) * (longest - len(each))) if isinstance(each, tuple) else (each,) for each in entries)
        return tuple(itertools.chain.from_iterable(rows))

    def _entry(self, value: object, name: str) -> int | tuple[int, ...]:
        low, high = self.range(name)
        law = self.unit.name == "law"
        if isinstance(value, tuple) != (law or (isinstance(self.value, tuple) and not self.is_indexed)):
            raise ParameterError(f"{name} is {value}; it is {'one number' if isinstance(value, tuple) else WEIGHTS}")
        if isinstance(value, (int, float)):
            least, most = self.bounds or (0, self.unit.high / 2**self.unit.bits)
            if not least <= value <= most:
                raise ParameterError(f"{name} is {value:g}; it must lie in [{least:g}, {most:g}]")
            return self.unit.integer(value, name)
        numbers = (weigh_shares(value, name) if law else value) if isinstance(value, tuple) else ()
        if not numbers or not all(_is_whole(entry) for entry in numbers):
            raise ParameterError(f"{name} is {list(numbers)}; it is {WEIGHTS}; entries of groups have by=")
        entries = tuple(map(int, numbers))
        if min(entries) < low or max(entries) > high:
            raise ParameterError(f"{name} has {min(entries)} to {max(entries)}; entries must lie in [{low}, {high}]")
        if law:
            check_law(entries, name)
        return entries

    def range(self, name: str) -> tuple[int, int]:
        """Return the least and the greatest integer."""
        if self.bounds is None:
            return 0, self.unit.high
        low, high = self.bounds
        return self.unit.integer(low, name), self.unit.integer(high, name)

    def axes(self, declared: Mapping[str, object]) -> tuple[Axis, ...]:
        """Return by what it is indexed, given what a model declares."""
        groups = []
        for name in self.by:
            column = declared.get(name)
            if not isinstance(column, State) or not column.private:
                refuse(f"{self.name} is by {name}, which is no private column of this model; declare it: lpm.private")
            groups.append(Axis(name, column.low, column.high))
        over = [Axis(self.over.name, 0, self.over.count - 1, self.over.steps)] if self.over else []
        return (*groups, *over)

    @overload
    def __get__(self, instance: None, owner: type) -> "Parameter": ...
    @overload
    def __get__(self, instance: object, owner: type) -> Symbol: ...
    def __get__(self, instance: object | None, owner: type) -> "Parameter | Symbol":
        """Return what it is in a method's expression: a number, or a table that draws of days take."""
        if instance is None:
            return self
        law, is_table = self.unit.name == "law", self.is_indexed or isinstance(self.value, tuple)
        table = Symbol("parameter", name=self.name, kind="table" if is_table else "integer")
        if not self.is_indexed:
            return table
        index = index_of(self.axes({name: getattr(owner, name, None) for name in self.by}))
        return replace(table, row=index) if law else table[index]


def _is_whole(entry: object) -> bool:
    return isinstance(entry, (int, float)) and math.isfinite(entry) and entry == math.floor(entry)


@final
@dataclass(eq=False)
class PublicLevels(Declaration):
    """Public levels that contacts name one of, and which of them is the lowest, or the highest, that an agent learns.

    Attributes:
        count: of levels, from 0.
        above: how many must name one as low (high) before it counts: more than this field; None for one.
        ascending: whether the lowest is asked for.
        messages: a channel of each level.
        outcomes: of each level a bit: whether enough name it, or one that is lower (higher).
    """

    count: int
    above: State | None
    ascending: bool
    directed: bool
    messages: tuple[Message, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    def __post_init__(self) -> None:
        """Refuse too few or too many levels."""
        if not 2 <= self.count <= MOST_LEVELS:
            refuse(f"there are {self.count} levels; give 2 to {MOST_LEVELS}")

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the attribute's name, and name channels and outcomes by it."""
        super().__set_name__(owner, name)
        if not self.messages:
            self.messages = tuple(Message(1, self.directed) for _ in range(self.count))
            sides = [self.messages[: k + 1] if self.ascending else self.messages[k:] for k in range(self.count)]
            self.outcomes = tuple(Outcome(dict.fromkeys(side, 1), self.above, keep=False) for side in sides)
            for kind, made in (("at", self.messages), ("by", self.outcomes)):
                for k, each in enumerate(made):
                    each.name, each.line = f"{name}_{kind}_{k}", self.line

    def says(self, level: Symbol) -> dict[Message, Symbol]:
        """Return a message on each channel, for what `Model.says` returns; a number that is no level says nothing."""
        return {message: level == k for k, message in enumerate(self.messages)}

    def thresholds(self) -> dict[str, Symbol]:
        """Return the thresholds of outcomes that no field is given for: 0, so that one is enough."""
        return {} if self.above else {outcome.name: constant(0) for outcome in self.outcomes}


def lowest(count: int, *, above: State | None = None, directed: bool = False) -> PublicLevels:
    """Declare `count` levels, the lowest of which that contacts name an agent learns: `heard.level(self.name)`.

    Args:
        count: of levels: so many channels, bits and comparisons.
        above: of a quantile: the lowest level that contacts of more weight than this field name, or a lower one.
        directed: whether the first of a contact tells the second one, and not the other way.
    """
    return PublicLevels(count, above, ascending=True, directed=directed)


def highest(count: int, *, above: State | None = None, directed: bool = False) -> PublicLevels:
    """Declare `count` levels, the highest of which that contacts name an agent learns.

    Args:
        count, above, directed: as `lowest` has them, with what is higher in place of what is lower.
    """
    return PublicLevels(count, above, ascending=False, directed=directed)


def field(low: int, high: int, *, bits: int = 0, duration_of: State | None = None) -> State:
    """Declare a number of an agent's state, in a range that every update is proved to stay in.

    Args:
        low, high, bits: the range, in fixed point of so many bits where a holder's file has decimal numbers.
        duration_of: a stage; for how many steps, or since when, an agent is in it, where its holder knows.
    """
    return State(low, high, bits=bits, of=duration_of)


def stage(*names: str) -> State:
    """Declare a stage: a field with one of `names` for each of its values; its totals are a run's series."""
    return _named("stages", names)


def cell(*names: str) -> State:
    """Declare in which cell an agent is, a field with cells' names: private, never counted; who sets it moves."""
    return _named("cells", names, is_cell=True)


def _named(what: str, names: tuple[str, ...], *, is_cell: bool = False) -> State:
    if len(set(names)) != len(names) or not names:
        refuse(f"{what} are {names}; give each a name of its own")
    return State(0, len(names) - 1, stages=names, is_cell=is_cell)


def private(low: int, high: int) -> State:
    """Declare a column of people's files, whole numbers `low` to `high`: its holder keeps it, and it never changes."""
    return State(low, high, private=True)


def message(*, most: int, directed: bool = False, along: tuple[int, int] | None = None) -> Message:
    """Declare a channel along contacts: unsigned messages of at most `most`.

    Args:
        most: of a message; multiplied by a contact's weight.
        directed: the first of a contact tells the second one, and not the other way.
        along: the range of contacts' own numbers, in place of weights: the method `along` makes messages of them.
    """
    return Message(most, directed=directed, along=along)


def cell_message(*, most: int) -> Message:
    """Declare a channel to all of an agent's cell: its totals are public, over at least `min_cohort` clients.

    Args:
        most: of a message, a whole number.
    """
    return Message(most, cell=True)


def outcome(
    terms: "Message | Mapping[Message, int | Parameter]",
    *,
    above: State | None = None,
    reveals: Literal["bit", "sum"] = "bit",
    keep: bool = True,
    threshold: Literal["once", "restart", "step"] = "once",
) -> Outcome:
    """Declare an outcome.

    Args:
        terms: the channels that it adds up, each with a factor: a whole number or a parameter.
        above: of a bit, the field that the level is held against; or a model's method `threshold` says.
        reveals: a bit, or the exact sum, which is asked for by name and says much about neighbours.
        keep: add the level up over the steps.
        threshold: when it may change.
    """
    return Outcome(dict(terms) if isinstance(terms, Mapping) else {terms: 1}, above, reveals, keep, threshold)


def observable(low: int, high: int) -> Observable:
    """Declare a whole number of an agent, `low` to `high`, whose total a run may release; `totals` gives it."""
    return Observable(low, high)


def public(low: int, high: int) -> Public:
    """Declare a whole number, `low` to `high`, that the environment announces in each step: `heard[self.name]`."""
    return Public(low, high)


def period(name: str, *, steps: int, count: int) -> Period:
    """Declare what a parameter changes with: `count` periods of so many steps; the last one's value holds on.

    Args:
        name: of the axis, in configurations.
        steps: of each period.
        count: how many periods.
    """
    return Period(name, steps, count)


def parameter(
    value: Value,
    *,
    unit: Unit = NUMBER,
    bounds: tuple[float, float] | None = None,
    days: int = 0,
    by: str | tuple[str, ...] = (),
    over: Period | None = None,
) -> Parameter:
    """Declare a parameter.

    Args:
        value: by default: a number in its unit; of `LAW` weights of 1, 2, ... days, of 2**32 in all, or shares of 1.
            Of one with entries the same for all, lists in each other, or `{name: list}` along one of `by` and `over`.
        unit: `NUMBER`, `PROBABILITY`, `rate(bits)` or `LAW`.
        bounds: in its unit; ranges of fields are proved for all values within.
        days: how many a law may have at most.
        by, over: private columns with a small range, of which each agent has its own entry; a period.
    """
    return Parameter(value, unit, bounds, days, (by,) if isinstance(by, str) else by, over)
