"""An agent's graph as generated code: leaves are planes in memory, draws, and what reached the agent."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

from lpm_secure.engine.bitslice.code.draws import draw_days, draw_exponential, draw_happens, draw_uniform
from lpm_secure.engine.bitslice.code.scope import Scope
from lpm_secure.engine.bitslice.nodes.binding import operands_of
from lpm_secure.engine.bitslice.nodes.evaluation import Evaluation
from lpm_secure.engine.bitslice.nodes.plan import LanePlan
from lpm_secure.engine.bitslice.words.integers import Slices, constant, fit, width_of
from lpm_secure.engine.bitslice.words.logic import Word
from lpm_secure.engine.bitslice.words.vectors import Value, integer
from protocols.models.graph.graph import DRAWS

Hears = Callable[[str], Slices]


@final
class AgentCode(Evaluation):
    """Evaluates some roots for one agent."""

    def __init__(
        self,
        plan: LanePlan,
        scope: Scope,
        roots: Iterable[int],
        *,
        agent: Value,
        generator: Value,
        tables: "CodeTables",
        common: str = "common",
        state: Mapping[str, Slices] | None = None,
        outcome: Hears | None = None,
        cell: Callable[[str, str], Slices] | None = None,
    ) -> None:
        """Evaluate in a function.

        Args:
            plan: of the model.
            scope: of the function.
            roots: all that will be asked for.
            agent: its number.
            generator: of its block.
            tables: which note what the code reads.
            common: array of what all agents share.
            state: fields by name, in place of those in memory.
            outcome: what was decided of an outcome.
            cell: the total of the agent's cell, or how many mix there, by channel.
        """
        super().__init__(plan.model, scope.code, roots, lazy=plan.still)
        self._plan, self._scope, self._agent, self._generator = plan, scope, agent, generator
        self._tables, self._common_array, self._outcome, self._cell = tables, common, outcome, cell
        self._fields = dict(state or {})

    def leaf(self, number: int) -> Slices | None:
        """Return what a node is that is read, drawn or heard."""
        model, node = self.model, self.model.graph.nodes[number]
        interval = model.intervals[number]
        if number in model.common:
            return self._common(number)
        if number in model.columns:
            return self._column(number)
        if node.op == "field":
            return self.state(node.name)
        if node.op == "outcome" and self._outcome is not None:
            return self._outcome(node.name)
        if node.op in ("cell", "size") and self._cell is not None:
            return fit(self._cell(node.op, node.name).extend(width_of(interval)), interval)
        return self._drawn(number) if node.op in DRAWS else None

    def state(self, name: str) -> Slices:
        """Return a field: as it is given, or in memory; one that never changes is read only in lanes that need it."""
        if name not in self._fields:
            self._fields[name] = self._loaded(name)
        return self._fields[name]

    def _loaded(self, name: str) -> Slices:
        low, high = self.model.fields[name]
        width = width_of((low, high))
        if low == high:
            return constant(low)
        code, place = self.logic, self._plan.places[name]
        if name not in self._plan.still:
            return Slices(tuple(self._plane(place + each) for each in range(width)), low < 0)
        nodes = self.model.graph.nodes
        lanes: Word = False
        for number in self._under:
            if nodes[number].op == "field" and nodes[number].name == name:
                lanes = code.either(lanes, self.demand(number))
        if lanes is True:
            return Slices(tuple(self._plane(place + each) for each in range(width)), low < 0)
        slots = [self._scope.code.slot() for _ in range(width)]
        for slot in slots:
            self._scope.code.store(False, slot)
        with self._scope.code.where_any(lanes):
            for each, slot in enumerate(slots):
                self._scope.code.store(self._plane(place + each), slot)
        return Slices(tuple(map(self._scope.code.load, slots)), low < 0)

    def _plane(self, place: int) -> Word:
        return self._scope.code.load(self._scope.word("state", self._agent, self._plan.planes, place))

    def _common(self, number: int) -> Slices:
        low, high = self.model.intervals[number]
        width = width_of((low, high))
        first = self._tables.common(number, width)
        places = (self._scope.word(self._common_array, integer(0), 0, first + each) for each in range(width))
        return Slices(tuple(map(self._scope.code.load, places)), low < 0)

    def _column(self, number: int) -> Slices:
        low, high = self.model.intervals[number]
        value = self._scope.number(self._tables.column(number), self._agent)
        width = width_of((low, high))
        return Slices(tuple(self._scope.code.digit(value, min(place, 63)) for place in range(width)), low < 0)

    def _drawn(self, number: int) -> Slices:
        model, node, generator = self.model, self.model.graph.nodes[number], self._generator
        interval = model.intervals[number]
        operands = operands_of(model.graph, number)
        if node.op == "happens":
            chance = self.value(operands[0])
            return Slices((draw_happens(self._scope, chance, self.demand(number), generator),))
        if node.op == "exponential":
            bits, lanes = node.numbers[1], self.demand(number)
            return draw_exponential(self._scope, bits, lanes, generator, interval=interval)
        if node.op == "uniform":
            low, count = (self.value(each) for each in operands)
            return draw_uniform(self._scope, low, count, self.demand(number), generator, interval=interval)
        length = model.entries(node.inputs[0]).shape[1]
        first, build = integer(self._tables.law(node.inputs[0])), self._scope.code.builder
        row = operands[1]
        if model.intervals[row] != (0, 0):
            value = self._scope.number(self._tables.column(row), self._agent)
            first = build.add(first, build.mul(value, integer(length)))
        planes = draw_days(self._scope, (first, length), width_of(interval), self.demand(number), generator)
        return fit(planes, interval)


@final
class CodeTables:
    """Which nodes generated code reads from arrays, and where; the host writes these.

    Attributes:
        commons: of each node that is common, its first plane.
        columns: nodes that private columns decide.
        laws: of each law, where its numbers begin.
        chances: of each hazard, where its numbers begin, and how many there are for a size of a venue.
        width: planes of all commons.
    """

    def __init__(self, plan: LanePlan) -> None:
        """Read nothing."""
        self._plan = plan
        self.commons: dict[int, int] = {}
        self.columns: dict[int, str] = {}
        self.laws: dict[int, int] = {}
        self.chances: dict[tuple[str, Any], tuple[int, int]] = {}
        self.width = self._entries = self._chances = 0

    def common(self, number: int, width: int) -> int:
        """Return the first plane of a node."""
        if number not in self.commons:
            self.commons[number] = self.width
            self.width += width
        return self.commons[number]

    def column(self, number: int) -> str:
        """Return the name of a node's array."""
        return self.columns.setdefault(number, f"column {number}")

    def law(self, number: int) -> int:
        """Return where a law begins."""
        if number not in self.laws:
            self.laws[number] = self._entries
            self._entries += self._plan.model.entries(number).size
        return self.laws[number]

    def chance(self, outcome: str, term: Any, length: int, *, sizes: int) -> int:
        """Return where the numbers of a hazard begin: so many for each size of a venue."""
        if (outcome, term) not in self.chances:
            self.chances[outcome, term] = self._chances, length
            self._chances += length * sizes
        return self.chances[outcome, term][0]
