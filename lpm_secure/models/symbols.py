"""Symbols: what a model's methods are called with, so that what they do is written down instead of done."""

import sys
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn

from protocols.errors import ModelError

Kind = Literal["integer", "boolean", "table"]
OURS: Final = "lpm_secure.models"
LIBRARY: Final = "lpm_secure.models.library"


def place() -> str:
    """Return file and line of the model that is being traced."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(OURS) or module.startswith(LIBRARY):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


def line_of(method: Any) -> str:
    """Return file and line where an author's method begins."""
    code = getattr(getattr(method, "__func__", method), "__code__", None)
    return "?" if code is None else f"{code.co_filename}:{code.co_firstlineno}"


def refuse(why: str) -> NoReturn:
    """Raise a model's mistake, with the line of its author's file."""
    raise ModelError(f"{place()}: {why}")


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """A number of every agent, not known yet.

    Attributes:
        op, inputs, name, numbers: as in a graph's node.
        kind: what it is.
        labels: names of its values, where it is a stage.
        line: where it was written.
        row: of a table of laws, which one is an agent's; no part of the node.
    """

    op: str
    inputs: tuple["Symbol", ...] = ()
    name: str = ""
    numbers: tuple[int, ...] = ()
    kind: Kind = "integer"
    labels: tuple[str, ...] = ()
    line: str = ""
    row: "Symbol | None" = None

    def __bool__(self) -> bool:  # noqa: PLE0304 - it never returns
        """Refuse: agents differ."""
        refuse("a number of agents has no single truth: use lpm.where(condition, a, b), and & | ~ for and, or, not")

    def __iter__(self) -> NoReturn:
        """Refuse: there is no loop over agents."""
        refuse("there is no loop or sum over agents inside a model; what others tell comes through messages")

    def __float__(self) -> float:
        """Refuse: platforms differ in floats."""
        refuse("a model computes with integers; platform floats and their functions end parity")

    __int__ = __index__ = __float__

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what arrays have: sums over agents, casts, shapes."""
        if name.startswith("__"):
            raise AttributeError(name)
        refuse(f"there is no .{name} here: a model's expression is elementwise; there is no sum or shape over agents")

    def __array_ufunc__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse functions of numpy."""
        refuse("functions of numpy are not part of a model: use operators and lpm's functions")

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse functions of numpy and other platforms."""
        refuse("functions of numpy, math or random are not part of a model: use operators and lpm's functions")

    def __hash__(self) -> int:
        """Return that of the object."""
        return id(self)

    def __add__(self, other: "Number") -> "Symbol":
        """Return the sum."""
        return operate("add", self, other)

    def __radd__(self, other: "Number") -> "Symbol":
        """Return the sum."""
        return operate("add", other, self)

    def __sub__(self, other: "Number") -> "Symbol":
        """Return the difference."""
        return operate("subtract", self, other)

    def __rsub__(self, other: "Number") -> "Symbol":
        """Return the difference."""
        return operate("subtract", other, self)

    def __mul__(self, other: "Number") -> "Symbol":
        """Return the product."""
        return operate("multiply", self, other)

    def __rmul__(self, other: "Number") -> "Symbol":
        """Return the product."""
        return operate("multiply", other, self)

    def __floordiv__(self, other: "Number") -> "Symbol":
        """Return the quotient, rounded down."""
        return operate("divide", self, other)

    def __rfloordiv__(self, other: "Number") -> "Symbol":
        """Return the quotient, rounded down."""
        return operate("divide", other, self)

    def __mod__(self, other: "Number") -> "Symbol":
        """Return the remainder."""
        return operate("modulo", self, other)

    def __rmod__(self, other: "Number") -> "Symbol":
        """Return the remainder."""
        return operate("modulo", other, self)

    def __lshift__(self, other: "Number") -> "Symbol":
        """Return the bits moved up."""
        return operate("left", self, other)

    def __rlshift__(self, other: "Number") -> "Symbol":
        """Return the bits moved up."""
        return operate("left", other, self)

    def __rshift__(self, other: "Number") -> "Symbol":
        """Return the bits moved down."""
        return operate("right", self, other)

    def __rrshift__(self, other: "Number") -> "Symbol":
        """Return the bits moved down."""
        return operate("right", other, self)

    def __lt__(self, other: "Number") -> "Symbol":
        """Return whether it is less."""
        return operate("less", self, other)

    def __le__(self, other: "Number") -> "Symbol":
        """Return whether it is at most this."""
        return operate("less_equal", self, other)

    def __gt__(self, other: "Number") -> "Symbol":
        """Return whether it is greater."""
        return operate("less", other, self)

    def __ge__(self, other: "Number") -> "Symbol":
        """Return whether it is at least this."""
        return operate("less_equal", other, self)

    def __eq__(self, other: object) -> "Symbol":  # type: ignore[override]
        """Return whether they are equal."""
        return operate("equal", self, other)

    def __ne__(self, other: object) -> "Symbol":  # type: ignore[override]
        """Return whether they differ."""
        return logic("not", operate("equal", self, other))

    def __and__(self, other: "Number") -> "Symbol":
        """Return whether both hold."""
        return logic("and", self, other)

    __rand__ = __and__

    def __or__(self, other: "Number") -> "Symbol":
        """Return whether one holds."""
        return logic("or", self, other)

    __ror__ = __or__

    def __xor__(self, other: "Number") -> "Symbol":
        """Return whether just one holds."""
        return logic("xor", self, other)

    __rxor__ = __xor__

    def __invert__(self) -> "Symbol":
        """Return whether it does not hold."""
        return logic("not", self)

    def __neg__(self) -> "Symbol":
        """Return the number with the other sign."""
        return operate("subtract", 0, self)

    def __truediv__(self, other: "Number") -> NoReturn:
        """Refuse: floats differ between platforms."""
        refuse("a model divides whole numbers with //, which rounds down the same way everywhere")

    __rtruediv__ = __truediv__

    def __getitem__(self, index: "Number") -> "Symbol":
        """Look an entry of a table up."""
        if self.kind != "table":
            refuse("only a table has entries; a number of agents is elementwise")
        return Symbol("lookup", (self, integer(symbol(index))), line=place())


Number = Symbol | int | bool | str


def constant(value: int) -> Symbol:
    """Return a number that is the same for all."""
    if not -(2**63) <= value < 2**63:
        refuse(f"{value} does not fit 64 bits")
    return Symbol("constant", numbers=(int(value),), line=place())


def symbol(value: Any, *, labels: tuple[str, ...] = ()) -> Symbol:
    """Return a symbol for what an author wrote: a symbol, a whole number, a truth, or a stage's name."""
    if isinstance(value, Symbol):
        return value
    if isinstance(value, bool):
        return operate("equal", constant(int(value)), constant(1))
    if isinstance(value, int):
        return constant(value)
    if isinstance(value, str):
        if value not in labels:
            refuse(f"{value!r} is no stage here; there are {', '.join(labels) or 'none'}")
        return constant(labels.index(value))
    if isinstance(value, float):
        refuse(f"{value} is a float: declare an lpm.parameter, or use whole numbers")
    words = getattr(value, "words", type(value).__name__)
    refuse(f"{words} is no number of a model: use fields, parameters, messages and whole numbers")


def integer(value: Symbol) -> Symbol:
    """Return 0 and 1 for a truth."""
    return value if value.kind != "boolean" else Symbol("integer", (value,), line=place())


def truth(value: Symbol) -> Symbol:
    """Return a truth; a number is none."""
    if value.kind != "boolean":
        refuse(f"{value.name or value.op} is a number, and a truth is needed: compare it")
    return value


def operate(op: str, *operands: Any, kind: Kind = "integer", labels: tuple[str, ...] = ()) -> Symbol:
    """Return an operation on integers."""
    known = labels or next((x.labels for x in operands if isinstance(x, Symbol) and x.labels), ())
    inputs = tuple(integer(symbol(x, labels=known)) for x in operands)
    if any(x.kind == "table" for x in inputs):
        refuse("a table has no value of its own: look an entry up with table[index]")
    boolean = op in ("less", "less_equal", "equal")
    return Symbol(op, inputs, kind="boolean" if boolean else kind, line=place())


def logic(op: str, *operands: Any) -> Symbol:
    """Return an operation on truths."""
    return Symbol(op, tuple(truth(symbol(x)) for x in operands), kind="boolean", line=place())


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return one number where a condition holds, and another one elsewhere; stages may be given by name."""
    if isinstance(yes, (str, Choice)) or isinstance(no, (str, Choice)):
        return Choice(condition, yes, no)
    a, b = symbol(yes), symbol(no)
    if a.kind != b.kind:
        a, b = integer(a), integer(b)
    return Symbol("where", (truth(symbol(condition)), a, b), kind=a.kind, labels=a.labels or b.labels, line=place())


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A choice among stages by name, until it is known of which field."""

    condition: Any
    yes: Any
    no: Any

    def __eq__(self, other: object) -> bool:
        """Refuse: names are of no field yet, and Python would call any two unequal."""
        refuse("a choice among names is of no field yet, so nothing is equal to it; compare its condition, or a field")

    def __bool__(self) -> bool:  # noqa: PLE0304 - it never returns
        """Refuse, as of a symbol."""
        refuse("a choice among names is neither true nor false; use lpm.where")

    __hash__ = None  # type: ignore[assignment]

    def resolve(self, labels: tuple[str, ...]) -> Symbol:
        """Return the numbers of these stages."""
        yes, no = (
            each.resolve(labels) if isinstance(each, Choice) else symbol(each, labels=labels)
            for each in (self.yes, self.no)
        )
        chosen: Symbol = where(self.condition, integer(yes), integer(no))
        return chosen
