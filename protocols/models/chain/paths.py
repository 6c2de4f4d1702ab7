"""A graph evaluated for one local state, branch by branch: what is random is decided only where it is asked for.

A draw that a field merely copies stays undecided: it may as well be made when somebody first looks at it. So a stay
that is drawn with an agent does not multiply the states that come before the stay.
"""

import abc
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, NoReturn, TypeVar, final

import numpy as np

from protocols.errors import ModelError
from protocols.models.chain.held_draws import ENDS, LASTS, HeldDraw, LongerStay, is_stay, lengthen, settle, shortest
from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.bounds import prove
from protocols.models.graph.graph import DRAWS
from protocols.models.graph.operations import OPERATIONS

T = TypeVar("T")
Value = Any  # a whole number, a `HeldDraw`, a `LongerStay`, or `Unknown`
ASIDE: Final = "take scores or coupled alternatives, which look at single agents"
DEEPEST: Final = 120  # nodes within nodes
MOST_PUBLIC: Final = 16  # whole numbers that a public one may be, each of which is followed
LINEAR: Final = ("add", "subtract", "left", "right", "divide", "multiply", "where", "lookup")
ROUNDED: Final = 16  # bits that a quotient spans beyond a wide public number in it, so that its rounding does not show
OF_STAYS: Final = ("add", "subtract", "minimum", "maximum", "less", "less_equal", "equal")  # that need no length


def refuse(what: str) -> NoReturn:
    """Refuse a model that has no chain.

    Raises:
        ModelError: always.
    """
    raise ModelError(f"{what}: there are no relaxed runs of such a model, nor tangents or adjoints; {ASIDE}")


def refuse_length() -> NoReturn:
    """Refuse a model that makes a number of a stay.

    Raises:
        ModelError: always.
    """
    raise ModelError(
        'the model makes a number of how long a stay lasts, which stays = "geometric" do not say; take stays = "exact"'
    )


class Unknown(NamedTuple):
    """A number of which no more is known than the fields that it is made of."""

    fields: frozenset[str]


@final
class ChoicePoint(Exception):
    """Evaluation went as far as something that is random, or unknown.

    Attributes:
        key: of the decision.
        options: that there are.
    """

    def __init__(self, key: tuple[Any, ...], options: tuple[int, ...]) -> None:
        """Ask for one."""
        super().__init__(key)
        self.key, self.options = key, options


class StateView(abc.ABC):
    """What one evaluation may look at. Subclasses are final."""

    @abc.abstractmethod
    def leaf(self, path: "Path", node: GraphNode) -> Value:
        """Return a field, an outcome's bit, or whether a field is known."""

    @abc.abstractmethod
    def draw(self, path: "Path", number: int) -> Value:
        """Return what a draw's node gives."""

    @abc.abstractmethod
    def longest(self, draw: HeldDraw) -> int:
        """Return of how many steps a stay is at most, by its law."""

    @abc.abstractmethod
    def decide(self, path: "Path", number: int, value: Value, options: tuple[int, ...]) -> int:
        """Return a whole number in place of what is undecided; `options` are what an unknown one may be."""


@final
class Path:
    """One way through a graph's evaluation.

    Attributes:
        decisions: taken so far, by key, in their order.
        reads: fields that a decision looked at where they are unknown.
    """

    def __init__(self, graph: ModelGraph, parameters: Mapping[str, Any], view: StateView) -> None:
        """Begin with no decision."""
        self.graph, self._parameters, self._view = graph, parameters, view
        self.decisions: dict[Any, int] = {}
        self.reads: frozenset[str] = frozenset()
        self._values: dict[int, Value] = {}

    def fork(self, key: Any, option: int) -> "Path":
        """Return the same with one decision more; what was computed without it still holds."""
        other = Path(self.graph, self._parameters, self._view)
        other.decisions, other.reads = {**self.decisions, key: option}, self.reads
        other._values = dict(self._values)
        return other

    def choose(self, key: Any, options: tuple[int, ...]) -> int:
        """Return what was decided; ask for a decision where there are several options and none was taken."""
        if key in self.decisions:
            return self.decisions[key]
        if len(options) == 1:
            self.decisions[key] = options[0]
            return options[0]
        raise ChoicePoint(key, options)

    def value(self, number: int) -> Value:
        """Return a node's value; a draw that is only copied stays one."""
        if number not in self._values:
            self._values[number] = self._compute(number)
        return self._values[number]

    def demand(self, number: int, options: tuple[int, ...] = (0, 1)) -> int:
        """Return a node's value as a whole number, which takes decisions."""
        value = settle(self.value(number), self.decisions)
        if is_stay(value):
            refuse_length()
        if isinstance(value, HeldDraw | Unknown):
            return self._view.decide(self, number, value, options)
        return int(value)

    def _compute(self, number: int) -> Value:
        node = self.graph.nodes[number]
        if node.op == "where":
            return self.value(node.inputs[1] if self.demand(node.inputs[0]) else node.inputs[2])
        if node.op in ("and", "or"):
            first = self.demand(node.inputs[0])
            return first if first == (node.op == "or") else self.demand(node.inputs[1])
        if node.op in DRAWS:
            return self._view.draw(self, number)
        if node.op in OPERATIONS or node.op == "lookup":
            return self._operate(node)
        if node.op in ("constant", "parameter"):
            return node.numbers[0] if node.op == "constant" else self._parameters[node.name]
        return self._view.leaf(self, node)

    def _operate(self, node: GraphNode) -> Value:
        places = node.inputs[1:] if node.op == "lookup" else node.inputs
        operands = [settle(self.value(index), self.decisions) for index in places]
        unknown = [each.fields for each in operands if isinstance(each, Unknown)]
        if unknown:
            return Unknown(frozenset().union(*unknown))
        stays = [place for place, each in enumerate(operands) if is_stay(each)]
        if stays and len(places) == 2 and node.op in OF_STAYS:
            (other,) = (place for place in (0, 1) if place != stays[-1])
            return self._operate_stay(node, stays[-1], operands[stays[-1]], self.demand(places[other]))
        numbers = [self.demand(index) for index in places]
        if node.op == "lookup":
            return int(self.table(node.inputs[0])[numbers[0]])
        operation = OPERATIONS[node.op]
        booleans = operation.operands[0] == "boolean"
        return int(operation.value(*(np.bool_(each) if booleans else np.int64(each) for each in numbers)))

    def _operate_stay(self, node: GraphNode, place: int, stay: Value, number: int) -> Value:
        """Return what an operation makes of a stay and a number; whether it ends is decided only where that matters."""
        draw = stay.draw if isinstance(stay, LongerStay) else stay
        low, op = shortest(stay), node.op
        if op in ("add", "subtract"):
            return lengthen(stay, number if op == "add" else -number) if op == "add" or place == 0 else refuse_length()
        spans = [(number, number)] * 2
        spans[place] = low, low + self._view.longest(draw) - 1
        least, greatest = OPERATIONS[op].interval(*spans)
        if least == greatest:
            return least
        if (op == "minimum" and spans[place][1] <= number) or (op == "maximum" and low >= number):
            return stay
        self.choose(draw, (LASTS, ENDS))
        after = settle(stay, self.decisions)
        if is_stay(after):
            return self._operate_stay(node, place, after, number)
        operands = (after, number) if place == 0 else (number, after)
        return int(OPERATIONS[op].value(*map(np.int64, operands)))

    def table(self, number: int) -> Any:
        """Return a table's entries, row after row."""
        node = self.graph.nodes[number]
        return np.reshape(node.numbers if node.op == "table" else self._parameters[node.name], -1)


def branches(path: Path, body: Callable[[Path], T]) -> Iterator[tuple[Path, T]]:
    """Yield every way through a body, with what it returns; decisions are taken one by one, in the order of options."""
    todo = [path]
    while todo:
        path = todo.pop()
        try:
            found = body(path)
        except ChoicePoint as choice:
            todo += [path.fork(choice.key, option) for option in reversed(choice.options)]
        else:
            yield path, found


def check_depth(graph: ModelGraph) -> None:
    """Refuse a graph that is too deep to be gone through branch by branch.

    Raises:
        ModelError: it is.
    """
    depth: list[int] = []
    for node in graph.nodes:
        depth.append(1 + max((depth[index] for index in node.inputs), default=0))
    if max(depth, default=0) > DEEPEST:
        refuse(f"the model's expressions are {max(depth)} deep; relaxed runs take at most {DEEPEST}")


def values_of_public(graph: ModelGraph, name: str) -> tuple[int, ...]:
    """Return the whole numbers between which a relaxed run takes an announced one as either, by how near they are.

    Raises:
        ModelError: they are many, and the number moves something else than probabilities, in proportion.
    """
    low, high = graph.public[name]
    if high - low < MOST_PUBLIC:
        return tuple(range(low, high + 1))
    moves, intervals = [False] * len(graph.nodes), prove(graph)
    for number, node in enumerate(graph.nodes):
        places = [place for place, index in enumerate(node.inputs) if moves[index]]
        fixed = {"where": (0,), "lookup": (0, 1), "left": (1,), "right": (1,), "divide": (1,)}.get(node.op, ())
        twice = node.op == "multiply" and len(places) > 1
        least, most = intervals[number]
        coarse = node.op in ("right", "divide") and most - least < high - low << ROUNDED
        if places and (twice or coarse or set(places) & set(fixed) or node.op not in (*LINEAR, "happens")):
            refuse(f"the public number {name} may be one of {high - low + 1}, and acts through {node.op}")
        moves[number] = (node.op == "public" and node.name == name) or (bool(places) and node.op != "happens")
    for field, root in graph.update.items():
        if moves[root]:
            refuse(f"the public number {name} may be one of {high - low + 1}, and moves the field {field} itself")
    return low, high
