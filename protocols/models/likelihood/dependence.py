"""How each parameter acts: through laws of draws, on numbers, or through comparisons, of which nothing has a law."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, final

from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.checks import nodes_of
from protocols.models.graph.draws import SPELL
from protocols.models.graph.graph import DRAWS
from protocols.models.likelihood.clocks import Clock, clocks_of

KEPT: Final = "dependence"
Held = tuple[str, str]  # field, cell or outcome, and its name
COMPARISONS: Final[dict[str, tuple[int, ...]]] = {
    **dict.fromkeys(("less", "less_equal", "equal", "modulo"), (0, 1)),
    **dict.fromkeys(("lookup", "left", "right", "days"), (1,)),
}


@final
@dataclass(frozen=True, slots=True)
class Dependence:
    """What derivatives of a model can be taken from.

    Attributes:
        clocks: outcomes whose thresholds are exponential.
        laws: parameters that laws of draws or of clocks depend on.
        comparisons: parameters that are compared with something, and what compares them, in words.
        numbers: by node, the parameters that it moves with smoothly.
        messages, levels, totals: the same by channel, outcome and observable.
    """

    clocks: Mapping[str, Clock]
    laws: frozenset[str]
    comparisons: Mapping[str, str]
    numbers: Mapping[int, frozenset[str]]
    messages: Mapping[str, frozenset[str]]
    levels: Mapping[str, frozenset[str]]
    totals: Mapping[str, frozenset[str]]

    @classmethod
    def of(
        cls, graph: ModelGraph, *, local: bool = False, divided: bool = False, released: bool = False
    ) -> "Dependence":
        """Follow every parameter through the graph, and through the state from step to step.

        Args:
            graph: of the model.
            local: of an agent's local chain: whether two draws are of one word, or some days of a stay have passed, is
                seen where its states are found.
            divided: clocks may have draws that are divided by a number of the agent's own, as of a chain: whoever asks
                multiplies its hazards by it.
            released: an environment reacts to totals with whole numbers, as by a comparison.
        """
        clocks = clocks_of(graph, divided=local or divided)
        reach = _reach(graph)
        laws: set[str] = set()
        comparisons: dict[str, str] = {}
        for number in nodes_of(graph, *graph.parts):
            node = graph.nodes[number]
            laws |= set(_by_law(graph, node, reach))
            for index, words in _comparisons_of(node):
                comparisons |= dict.fromkeys(reach[node.inputs[index]], words)
        for name, root in graph.thresholds.items():
            level = reach.levels[name]
            if name in clocks:
                laws |= level
            else:
                comparisons |= dict.fromkeys(level | reach[root], f"the outcome {name}")
        for name, field in graph.fields.items():
            if field.stages or field.cells:  # whoever counts in stages, or in cells, compares
                comparisons |= dict.fromkeys(reach.fields[name], f"the {'stage' if field.stages else 'cell'} {name}")
        if not local:
            comparisons |= dict.fromkeys(_laws_of_one_word(graph, reach), "two draws of one purpose")
            comparisons |= dict.fromkeys(_laws_of_later_days(graph, reach), "days that have passed")
        told = {name: reach[root] for name, root in (graph.messages | graph.along).items()}
        totals = {name: reach[root] for name, root in graph.totals.items()}
        if released:
            cells = {name: moved for name, moved in told.items() if graph.channels[name].cell}
            for name, moved in (totals | cells).items():
                comparisons |= dict.fromkeys(moved, f"an environment that hears {name}")
        return cls(clocks, frozenset(laws), comparisons, reach, told, reach.levels, totals)

    def why_not(self, parameter: str) -> str | None:
        """Return why a parameter has no score, in words; None where it has."""
        compared = self.comparisons.get(parameter.partition("[")[0])
        return f"acts through a comparison ({compared})" if compared else None

    def why_not_private(self, parameter: str, *, exact: bool) -> str | None:
        """Return why agents' holders cannot score a parameter, in words; None where they can.

        Args:
            parameter: its name, or that of an entry.
            exact: whether they know what reaches their agents, as in mode sum.
        """
        name, compared = parameter.partition("[")[0], self.why_not(parameter)
        if compared or name not in self.laws:
            return compared or "moves no law that anything is drawn by"
        moved = {
            kind: next((each for each, names in sorted(by.items()) if name in names), "")
            for kind, by in (("message", self.messages), ("total", self.totals), ("level", self.levels))
        }
        if moved["message"]:
            return f"moves what agents tell on {moved['message']}, whose derivatives do not travel"
        if moved["total"]:
            return f"moves {moved['total']} itself, of which a score tells nothing"
        if moved["level"] and not exact:
            return f"moves the level of {moved['level']}, which clients know in mode sum alone"
        return None


def dependence_of(model: GraphModel, *, local: bool = False) -> Dependence:
    """Return what a model's graph says, followed once; of an agent's local chain, or of its draws."""
    key = f"{KEPT}, {local}"
    known: Dependence | None = model.__dict__.get(key)
    if known is None:
        known = model.__dict__[key] = Dependence.of(model.graph, local=local)
    return known


class _Reach(dict[int, frozenset[str]]):
    """By node, the parameters that its number moves with; and those that levels of outcomes, and fields, move with."""

    levels: dict[str, frozenset[str]]
    fields: dict[str, frozenset[str]]


def _reach(graph: ModelGraph) -> _Reach:
    """Return what each node moves with: numbers, not the laws of draws.

    Sets of parameters are bits of whole numbers, so that graphs made to be slow are not.
    """
    bits = {name: 1 << place for place, name in enumerate(graph.parameters)}
    moving = [(number, _moves_with(node)) for number, node in enumerate(graph.nodes)]
    inner = [(number, inputs) for number, inputs in moving if inputs]
    leaves = [(number, node.op, node.name) for number, node in enumerate(graph.nodes) if _is_held(graph, node)]
    roots, held = _roots_of_held(graph), dict[tuple[str, str], int]()
    for name, outcome in graph.outcomes.items():
        factors = {each for each in outcome.coefficients.values() if isinstance(each, str)}
        held["outcome", name] = sum(bits[each] for each in factors)
    masks = [bits[node.name] if node.op == "parameter" else 0 for node in graph.nodes]
    while True:
        before = dict(held)
        for number, op, name in leaves:
            masks[number] = held.get((op, name), 0)
        for number, inputs in inner:
            mask = 0
            for index in inputs:
                mask |= masks[index]
            masks[number] = mask
        for key, root in roots:
            held[key] = held.get(key, 0) | masks[root]
        if held == before:
            return _name_sets(graph, bits, masks, held)


def _name_sets(graph: ModelGraph, bits: Mapping[str, int], masks: list[int], held: Mapping[Held, int]) -> _Reach:
    """Return sets of parameters by their names."""
    named = {mask: frozenset(n for n, bit in bits.items() if mask & bit) for mask in {0, *masks, *held.values()}}
    reach = _Reach({number: named[mask] for number, mask in enumerate(masks)})
    reach.levels = {name: named[held["outcome", name]] for name in graph.outcomes}
    reach.fields = {name: named[held.get(("field", name), 0)] for name in graph.fields}
    return reach


def _roots_of_held(graph: ModelGraph) -> list[tuple[Held, int]]:
    """Return the nodes that fields, cells' totals and levels are made of."""
    messages = graph.messages | graph.along
    roots = [(("field", name), root) for part in (graph.begin, graph.update) for name, root in part.items()]
    roots += [(("cell", name), root) for name, root in graph.messages.items()]
    roots += [(("outcome", name), root) for name, root in graph.weights.items()]
    return roots + [
        (("outcome", name), messages[channel])
        for name, outcome in graph.outcomes.items()
        for channel in outcome.coefficients
    ]


def _is_held(graph: ModelGraph, node: GraphNode) -> bool:
    """Tell whether a node is a number of the state, of a cell, or a sum that an outcome reveals."""
    return node.op in ("field", "cell") or (node.op == "outcome" and graph.outcomes[node.name].reveals == "sum")


def _moves_with(node: GraphNode) -> tuple[int, ...]:
    """Return the operands that a node moves with."""
    if node.op in ("happens", "days", "less", "less_equal", "equal"):
        return ()
    return node.inputs[1:] if node.op == "where" else node.inputs[:2] if node.op == "uniform" else node.inputs


def _by_law(graph: ModelGraph, node: GraphNode, reach: _Reach) -> frozenset[str]:
    return reach[node.inputs[0]] if node.op in ("happens", "days") else frozenset()


def _comparisons_of(node: GraphNode) -> Iterator[tuple[int, str]]:
    """Yield the operands of a node that a small change may move over an edge, with words for it."""
    places = COMPARISONS.get(node.op, ())
    if node.op in DRAWS and node.numbers[0] == SPELL:
        places = (*places, len(node.inputs) - 1)
    for place in places:
        yield place, f"{node.op} {node.name}".strip()


def _laws_of_one_word(graph: ModelGraph, reach: _Reach) -> set[str]:
    """Return the parameters of laws whose draws take the same random word as others do."""
    drawn: dict[tuple[str, int], list[frozenset[str]]] = defaultdict(list)
    for number in nodes_of(graph, *graph.parts):
        node = graph.nodes[number]
        if node.op in ("happens", "days"):
            drawn[node.name, node.numbers[0]].append(_by_law(graph, node, reach))
    return {name for laws in drawn.values() if len(laws) > 1 for law in laws for name in law}


def _laws_of_later_days(graph: ModelGraph, reach: _Reach) -> set[str]:
    """Return the parameters of laws of which some days may have passed at the beginning."""
    begun = [graph.nodes[number] for number in nodes_of(graph, "begin")]
    return {
        name for node in begun if node.op == "days" and len(node.inputs) > 2 for name in _by_law(graph, node, reach)
    }
