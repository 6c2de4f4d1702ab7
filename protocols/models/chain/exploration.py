"""The states that an agent can be in, and the ways from each to the next, from a model's graph."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, final

import numpy as np

from protocols.models.chain.held_draws import STAY, HeldDraw, Law, draw_of, is_stay, settle, shortest
from protocols.models.chain.liveness import CROSSED, LiveFields, output_roots, stage_fields
from protocols.models.chain.paths import MOST_PUBLIC, Path, StateView, Value, branches, refuse, values_of_public
from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.draws import BEGIN as START
from protocols.models.graph.graph import DRAWS
from protocols.models.likelihood.clocks import Clock

MOST_EXPLORED: Final = 2**13  # states, before those that behave alike are merged
MOST_WAYS: Final = 2**16
MOST_IN_ALL: Final = 2**18  # ways, of all kinds of agents at one holder
BEGIN: Final = -1  # where agents come from at first
LEAVES: Final = ("field", "outcome", "public", *DRAWS)  # of which numbers are made
LocalState = tuple[tuple[str, Value], ...]  # the fields that matter, in order of their names


class Quantity(NamedTuple):
    """A number of an agent: a node, and the values of all fields, draws and outcomes that it is made of."""

    root: int
    basis: tuple[int, ...]


class Crossing(NamedTuple):
    """Whether an outcome's level crosses in a step, or a public number is one; `weight` is of the growth, if any is."""

    outcome: str
    weight: Quantity | None
    crosses: bool


class Way(NamedTuple):
    """One way from a state to the next, by what had to be looked at: outcomes, and draws with what they gave."""

    source: int
    target: int
    crossings: tuple[Crossing, ...]
    draws: tuple[tuple[Law, int], ...]


def value_name(public: str, value: int) -> str:
    """Return what it is called that a public number has a value."""
    return f"{public} = {value}"


@final
@dataclass(frozen=True, slots=True)
class Space:
    """A model with its parameters, as its agents' states are looked for in it.

    Attributes:
        graph: of the model.
        parameters: a number, or int64[rows, length], of each.
        clocks: outcomes with exponential thresholds.
        live: which fields matter in which stages.
        geometric: whether stays are those of compartments, so that nobody counts their days.
    """

    graph: ModelGraph
    parameters: Mapping[str, Any] = field(repr=False)
    clocks: Mapping[str, Clock]
    live: LiveFields = field(repr=False)
    geometric: bool = False
    _leaves: dict[int, tuple[int, ...]] = field(default_factory=dict, repr=False)
    _values: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False)

    def options(self, law: Law) -> tuple[int, ...]:
        """Return what a draw may give."""
        op, _, basis = law
        if op == "happens":
            return (0, 1)
        if op == "days":
            return tuple(int(day) + 1 for day in np.flatnonzero(self.weights_of(law)))
        return tuple(range(basis[0], basis[0] + basis[1]))

    def public_values(self, name: str) -> tuple[int, ...]:
        """Return between which whole numbers a public one is taken."""
        if name not in self._values:
            self._values[name] = values_of_public(self.graph, name)
        return self._values[name]

    def weights_of(self, law: Law) -> Any:
        """Return the weights of a law of days, int64[days]."""
        _, number, (row,) = law
        node = self.graph.nodes[self.graph.nodes[number].inputs[0]]
        return np.array(node.numbers) if node.op == "table" else self.parameters[node.name][row]

    def leaves(self, root: int) -> tuple[int, ...]:
        """Return the fields, outcomes, public numbers and draws that a node is made of."""
        if root not in self._leaves:
            nodes = ancestors_of(self.graph, [root])
            self._leaves[root] = tuple(n for n in nodes if self.graph.nodes[n].op in LEAVES)
        return self._leaves[root]


@final
class LocalView(StateView):
    """One state of an agent, or what its holder knows of it at the beginning."""

    def __init__(self, space: Space, state: Mapping[str, Value], known: Mapping[str, bool] | None = None) -> None:
        """Look at this state.

        Args:
            space: of states.
            state: of each field that matters, and each private column.
            known: which fields are what their holder knows, at the beginning.
        """
        self._space, self.state, self._known = space, state, known or {}

    def leaf(self, path: Path, node: GraphNode) -> Value:
        """Return what a leaf is in this state."""
        if node.op == "outcome":
            return self.bit(path, node.name)
        if node.op == "public":
            return path.choose((node.op, node.name), self._space.public_values(node.name))
        return int(self._known[node.name]) if node.op == "known" else self.state[node.name]

    def bit(self, path: Path, outcome: str) -> int:
        """Return whether an outcome's level is above its threshold after this step."""
        if self.state[CROSSED + outcome]:
            return 1
        if outcome in path.graph.weights:
            path.demand(path.graph.weights[outcome])
        return path.choose(("bit", outcome), (0, 1))

    def draw(self, path: Path, number: int) -> Value:
        """Return a draw that nobody has looked at."""
        node, stays = path.graph.nodes[number], False
        if node.op == "happens":
            path.demand(node.inputs[0])
            basis = self.basis(path, node.inputs[0])
        else:
            stays = node.op == "days" and self._space.geometric
            begins = node.op == "days" and node.numbers[0] == START and len(node.inputs) > 2
            if begins and not stays and path.demand(node.inputs[2]):
                refuse("of a stay some days have passed at the beginning")
            basis = tuple(path.demand(index) for index in node.inputs[node.op == "days" : 2])
        return HeldDraw((STAY if stays else node.op, number, basis), ("node", number))

    def longest(self, draw: HeldDraw) -> int:
        """Return of how many steps a stay is at most, by its law."""
        return int(np.flatnonzero(self._space.weights_of(draw.law))[-1]) + 1

    def decide(self, path: Path, number: int, value: Value, options: tuple[int, ...]) -> int:
        """Look at a draw."""
        return path.choose(value, self._space.options(value.law))

    def basis(self, path: Path, root: int) -> tuple[int, ...]:
        """Return what a number is made of; what was not looked at may be anything."""
        graph, numbers = path.graph, []
        drawn = {key.name: settle(key, path.decisions) for key in path.decisions if isinstance(key, HeldDraw)}
        for leaf in self._space.leaves(root):
            node, value, low = graph.nodes[leaf], drawn.get(("node", leaf)), 0
            if node.op == "field":
                value, low = self.state.get(node.name), graph.fields[node.name].low
                value = settle(value, path.decisions)
            elif node.op == "outcome":
                value = self.state.get(CROSSED + node.name) or path.decisions.get(("bit", node.name))
            elif node.op == "public":
                value, low = path.decisions.get((node.op, node.name)), graph.public[node.name][0]
            if is_stay(value):  # whatever was decided holds for the shortest of those that it may be
                value = shortest(value)
            numbers.append(low if value is None or isinstance(value, HeldDraw) else int(value))
        return tuple(numbers)


@final
@dataclass(slots=True)
class Exploration:
    """What can follow from a beginning.

    Attributes:
        space: of states.
        columns: what an agent's holder gives: private columns, and fields that it knows.
        states: by number, in the order in which they were found.
        ways: between them.
        outputs: of each state, the quantities of what it tells and of observables, in the order of `output_roots`.
        expanded: how many states' ways were looked for: of those that are reached before the last step.
        most: ways that may be found.
    """

    space: Space
    columns: Mapping[str, int] = field(repr=False)
    states: dict[LocalState, int] = field(default_factory=dict, repr=False)
    ways: list[Way] = field(default_factory=list, repr=False)
    outputs: list[tuple[Quantity, ...]] = field(default_factory=list, repr=False)
    expanded: int = 0
    most: int = MOST_WAYS

    def run(self, known: Mapping[str, bool], *, steps: int) -> "Exploration":
        """Find all states of so many steps.

        Raises:
            ModelError: there are too many.
        """
        graph = self.space.graph
        fresh = {CROSSED + name: 0 for name in self.space.clocks}
        self._follow(BEGIN, LocalView(self.space, {**self.columns, **fresh}, known), graph.begin)
        for _ in range(steps):
            found = list(self.states.items())[self.expanded :]
            self.expanded = len(self.states)
            for state, number in found:
                self._follow(number, LocalView(self.space, {**self._private(), **dict(state)}), graph.update)
        return self

    def _private(self) -> dict[str, int]:
        return {name: self.columns[name] for name, each in self.space.graph.fields.items() if each.private}

    def _follow(self, source: int, view: LocalView, roots: Mapping[str, int]) -> None:
        """Find all ways out of a state."""
        begins = source == BEGIN
        for path, state in branches(self._path(view), lambda path: self._next(path, view, roots, begins=begins)):
            used = _draws_of(path, state)
            _check_words(self.space.graph, used)
            self._check_public(used)
            for later, settled, outputs in self._settle(state):
                draws = tuple(
                    (k.law, v) for p in (path, later) for k, v in p.decisions.items() if isinstance(k, HeldDraw)
                )
                self.ways.append(Way(source, self._number(settled, outputs), self._crossings(path, view), draws))
                if len(self.ways) > self.most:
                    own = f"an agent has more than {MOST_WAYS} ways from state to state"
                    refuse(own if self.most == MOST_WAYS else f"all kinds of agents have more than {MOST_IN_ALL} ways")

    def _check_public(self, used: set[HeldDraw]) -> None:
        """Refuse two draws of one step by a number that counts as either of two far ones, for both draws alike."""
        nodes, public = self.space.graph.nodes, self.space.graph.public
        laws = {draw.law[1] for draw in used if draw.law[0] == "happens"} if public else ()
        made = {n: {(nodes[i].op, nodes[i].name) for i in self.space.leaves(nodes[n].inputs[0])} for n in laws}
        for name, (low, high) in public.items():
            moved = sorted(nodes[number].name for number, leaves in made.items() if ("public", name) in leaves)
            if len(moved) > 1 and high - low >= MOST_PUBLIC:
                drawn = " and ".join(moved)
                refuse(f"the public number {name} may be one of {high - low + 1}, and moves {drawn} in one step")

    def _path(self, view: LocalView) -> Path:
        return Path(self.space.graph, self.space.parameters, view)

    def _next(self, path: Path, view: LocalView, roots: Mapping[str, int], *, begins: bool) -> dict[str, Value]:
        """Return the next state: of the fields that will matter."""
        fields = self.space.graph.fields
        state: dict[str, Value] = {}
        for name in stage_fields(self.space.graph):
            options = tuple(range(len(fields[name].stages)))
            state[name] = path.demand(roots[name], options) if name in roots else view.state[name]
        for name in sorted(self.space.live[tuple(state.values())]):
            if name.startswith(CROSSED):
                state[name] = 0 if begins else self._crossed(path, view, name.removeprefix(CROSSED))
            elif not fields[name].private:
                state[name] = path.value(roots[name]) if name in roots else view.state[name]
        return _decided(state, path)

    def _crossed(self, path: Path, view: LocalView, outcome: str) -> int:
        restart = self.space.graph.restarts.get(outcome)
        return 0 if restart is not None and path.demand(restart) else view.bit(path, outcome)

    def _settle(self, state: dict[str, Value]) -> Iterator[tuple[Path, LocalState, tuple[Quantity, ...]]]:
        """Yield states of which it is known what they tell: draws that this depends on are made."""
        view = LocalView(self.space, {**self._private(), **state})
        roots = output_roots(self.space.graph)
        for path, _ in branches(self._path(view), lambda path: [path.demand(root) for root in roots]):
            outputs = tuple(Quantity(root, view.basis(path, root)) for root in roots)
            yield path, _canonical(_decided(state, path)), outputs

    def _crossings(self, path: Path, view: LocalView) -> tuple[Crossing, ...]:
        weights, found = self.space.graph.weights, []
        for key, value in path.decisions.items():
            if key[0] == "bit":
                root = weights.get(key[1])
                weight = None if root is None else Quantity(root, view.basis(path, root))
                found.append(Crossing(key[1], weight, bool(value)))
            elif key[0] == "public":
                found.append(Crossing(value_name(key[1], value), None, crosses=True))
        return tuple(found)

    def _number(self, state: LocalState, outputs: tuple[Quantity, ...]) -> int:
        if state not in self.states:
            if len(self.states) == MOST_EXPLORED:
                refuse(f"an agent has more than {MOST_EXPLORED} states")
            self.states[state] = len(self.states)
            self.outputs.append(outputs)
        return self.states[state]


def _decided(state: Mapping[str, Value], path: Path) -> dict[str, Value]:
    """Return a state with what draws gave in place of those that were looked at."""
    return {name: settle(value, path.decisions) for name, value in state.items()}


def _canonical(state: Mapping[str, Value]) -> LocalState:
    """Return a state whose draws are numbered in the order of the fields that hold them."""
    names: dict[HeldDraw, HeldDraw] = {}
    for _, value in sorted(state.items()):
        if draw := draw_of(value):
            names.setdefault(draw, HeldDraw(draw.law, ("held", len(names))))
    return tuple((name, _renamed(value, names)) for name, value in sorted(state.items()))


def _renamed(value: Value, names: Mapping[HeldDraw, HeldDraw]) -> Value:
    draw = draw_of(value)
    if draw is None:
        return value
    return names[draw] if value == draw else value._replace(draw=names[draw])


def _draws_of(path: Path, state: Mapping[str, Value]) -> set[HeldDraw]:
    """Return the draws of a step that were looked at, or are held after it."""
    used = {draw for each in (*path.decisions, *state.values()) if (draw := draw_of(each))}
    return {draw for draw in used if draw.name[0] == "node"}


def _check_words(graph: ModelGraph, used: set[HeldDraw]) -> None:
    """Refuse two draws of one purpose in one step: they are one random number."""
    words: dict[tuple[str, tuple[int, ...], bool], int] = {}
    for _, number, _ in (each.law for each in used):
        node = graph.nodes[number]
        word = (node.name, node.numbers, node.op == "uniform")
        if words.setdefault(word, number) != number:
            refuse(f"two draws of {node.name} in one step are one random number")
