"""What a model's class declares: stages, fields, private columns, parameters, messages, outcomes, observables."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self, final, overload

from lpm_secure.models.symbols import Symbol, place, refuse
from protocols.arithmetic.distributions import LAW_TOTAL, check_law
from protocols.arithmetic.fixed_point import to_fixed
from protocols.errors import ParameterError


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
@dataclass(frozen=True)
class Unit:
    """How a parameter's value becomes an integer.

    Attributes:
        name: of the unit, in a graph.
        bits: fraction bits.
        high: the greatest integer.
    """

    name: Literal["number", "probability", "rate", "law"]
    bits: int = 0
    high: int = 2**62

    def integer(self, value: float, name: str) -> int:
        """Return the integer of a value.

        Raises:
            ParameterError: not finite, negative, too large, not whole where it has no fraction bits, or so small that
                it would round to zero.
        """
        if not self.bits and math.isfinite(value) and value != math.floor(value):
            raise ParameterError(f"{name} is {value:g}; it is a whole number: use another unit for fractions")
        fixed = to_fixed(value, f=self.bits, name=name)
        if fixed > self.high:
            raise ParameterError(f"{name} is {value:g}; it is a {self.name} of at most {self.high / 2**self.bits:g}")
        return fixed


NUMBER: Final = Unit("number")
PROBABILITY: Final = Unit("probability", 32, LAW_TOTAL)
LAW: Final = Unit("law", 32, LAW_TOTAL)


def rate(bits: int = 40) -> Unit:
    """Return the unit of a hazard per step and unit of exposure, in fixed point with so many fraction bits."""
    if not 1 <= bits <= 56:
        refuse(f"a rate has 1 to 56 fraction bits, not {bits}")
    return Unit("rate", bits, 2**56)


@final
@dataclass(eq=False)
class Parameter(Declaration):
    """A public number with a name, a unit and bounds: for configurations and for gradients.

    Attributes:
        value: by default: a number, or of a law the weights of 1, 2, ... days.
        unit: says how it becomes an integer.
        bounds: in its own unit; None for all that the unit allows.
        days: of a law, how many at most.
    """

    value: "float | tuple[int, ...]"
    unit: Unit = NUMBER
    bounds: tuple[float, float] | None = None
    days: int = 0

    def __post_init__(self) -> None:
        """Refuse a value outside of its bounds, what does not become integers, and a law that is none."""
        if self.bounds is not None and not isinstance(self.value, tuple):
            low, high = self.bounds
            if not (math.isfinite(low) and low <= self.value <= high):
                refuse(f"a parameter is {self.value}, and its bounds are {low} to {high}")
        try:
            self._check()
        except ParameterError as error:
            refuse(str(error))

    def _check(self) -> None:
        low, high = self.range("a bound")
        if not isinstance(self.value, tuple):
            if self.unit.name == "law":
                raise ParameterError(f"a law is {self.value}; give the weights of 1, 2, ... days, of 2**32 in all")
            self.unit.integer(self.value, "a parameter")
            return
        if not self.value or not all(type(entry) is int for entry in self.value):
            raise ParameterError(f"a table is {self.value}; its entries are integers, at least one")
        if min(self.value) < low or max(self.value) > high:
            raise ParameterError(f"a table has {min(self.value)} to {max(self.value)}; its bounds are {low} to {high}")
        if self.unit.name == "law":
            check_law(self.value, "a law of days")

    def range(self, name: str) -> tuple[int, int]:
        """Return the least and the greatest integer."""
        if self.bounds is None:
            return 0, self.unit.high
        low, high = self.bounds
        return self.unit.integer(low, name), self.unit.integer(high, name)

    @overload
    def __get__(self, instance: None, owner: type) -> "Parameter": ...
    @overload
    def __get__(self, instance: object, owner: type) -> Symbol: ...
    def __get__(self, instance: object | None, owner: type) -> "Parameter | Symbol":
        """Return what it is in a method's expression: a number, or a table that draws of days take."""
        if instance is None:
            return self
        return Symbol("parameter", name=self.name, kind="table" if isinstance(self.value, tuple) else "integer")


def field(low: int, high: int) -> State:
    """Declare a number of an agent's state, in a range that every update is proved to stay in."""
    return State(low, high)


def stage(*names: str) -> State:
    """Declare a stage: a field with a name for each of its values; its totals are a run's series."""
    if len(set(names)) != len(names) or not names:
        refuse(f"stages are {names}; give each a name of its own")
    return State(0, len(names) - 1, stages=names)


def private(low: int, high: int) -> State:
    """Declare a column of people's files: it stays with its holder, and never changes."""
    return State(low, high, private=True)


def message(*, most: int, directed: bool = False) -> Message:
    """Declare a channel along contacts: unsigned messages of at most `most`."""
    return Message(most, directed=directed)


def cell_message(*, most: int) -> Message:
    """Declare a channel to all of an agent's cell: its totals are public, over at least `min_cohort` clients."""
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
        threshold: when it may change: what a client that lies could ask.
    """
    return Outcome(dict(terms) if isinstance(terms, Mapping) else {terms: 1}, above, reveals, keep, threshold)


def observable(low: int, high: int) -> Observable:
    """Declare a number of an agent, in a range, whose total a run may release; the method `totals` gives it."""
    return Observable(low, high)


def public(low: int, high: int) -> Public:
    """Declare a number that the run's environment announces in each step: `heard[self.name]`."""
    return Public(low, high)


def parameter(
    value: "float | tuple[int, ...]", *, unit: Unit = NUMBER, bounds: tuple[float, float] | None = None, days: int = 0
) -> Parameter:
    """Declare a parameter.

    Args:
        value: by default: a number in its unit; of `LAW` the weights of 1, 2, ... days, of 2**32 in all.
        unit: `NUMBER`, `PROBABILITY`, `rate(bits)` or `LAW`.
        bounds: in its unit; ranges of fields are proved for all values within.
        days: how long a law may be, at most.
    """
    return Parameter(value, unit, bounds, days)
