"""Which outcomes have no memory: whose threshold is an exponential draw, so that no level need be kept.

Whether a level that has not crossed its threshold yet crosses it in a step then depends on its growth in that step
alone: it does with probability 1 - exp(-growth). That is a property of the graph, which is looked for bit by bit: what
is computed of the draw must be the draw again.

Source: Sellke 1983; the digits of an exponential draw are independent, Marsaglia 1971 (Annals of Mathematical
    Statistics 42).
"""

from collections.abc import Mapping
from typing import final

from lpm_secure.engine.bitslice.nodes.binding import BoundModel, sources_of
from lpm_secure.engine.bitslice.nodes.evaluation import Evaluation
from lpm_secure.engine.bitslice.words.integers import Slices, width_of
from lpm_secure.engine.bitslice.words.logic import Logic, Word
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.graph import DRAWS, PARTS


def memoryless_outcomes(model: BoundModel) -> Mapping[str, int]:
    """Return outcomes without memory, with the fraction bits of their thresholds."""
    found = {name: _bits(model, name) for name in model.graph.outcomes}
    return {name: bits for name, bits in found.items() if bits is not None}


def threshold_field(model: BoundModel, name: str) -> str | None:
    """Return the field that is an outcome's threshold, where nothing else reads it; None where it is not so."""
    graph = model.graph
    root = graph.thresholds.get(name)
    if root is None or graph.nodes[root].op != "field" or graph.fields[graph.nodes[root].name].private:
        return None
    field = graph.nodes[root].name
    own = {number for number, node in enumerate(graph.nodes) if node.op == "field" and node.name == field}
    apart = (("update", field), ("thresholds", name))
    later = [part for part in PARTS if part != "begin"]  # where a field is what its holder knows, and nobody does
    roots = [each for part in later for of, each in graph.parts[part].items() if (part, of) not in apart]
    return None if own & set(ancestors_of(graph, roots)) else field


def _bits(model: BoundModel, name: str) -> int | None:
    graph, spec = model.graph, model.graph.outcomes[name]
    field = threshold_field(model, name)
    if field is None or not spec.keep or spec.reveals != "bit" or field not in graph.begin:
        return None
    first = _drawn(model, graph.begin[field])
    update, restart = graph.update.get(field), graph.restarts.get(name)
    if update is None or (graph.nodes[update].op == "field" and graph.nodes[update].name == field):
        return first if restart is None else None
    node = graph.nodes[update]
    if (
        node.op != "where"
        or node.inputs[0] != restart
        or graph.nodes[node.inputs[2]] != graph.nodes[graph.thresholds[name]]
    ):
        return None
    return first if first is not None and first == _drawn(model, node.inputs[1]) else None


def _drawn(model: BoundModel, root: int) -> int | None:
    """Return the fraction bits of an exponential draw that a node is, bit for bit; None where it is none."""
    draws = [each for each in sources_of(model.graph, [root]) if model.graph.nodes[each].op in DRAWS]
    exponentials = [each for each in draws if model.graph.nodes[each].op == "exponential"]
    if len(draws) != 1 or not exponentials:
        return None
    symbols = _SymbolicEvaluation(model, [root])
    whole, drawn = symbols.value(root), symbols.value(exponentials[0])
    length = max(len(whole.planes), len(drawn.planes)) + 1
    if any(one is not other for one, other in zip(whole.extend(length), drawn.extend(length), strict=True)):
        return None
    return model.graph.nodes[exponentials[0]].numbers[1]


@final
class _Symbols(Logic):
    """Words of which nothing is known but what they are."""

    def conjunction(self, a: Word, b: Word) -> Word:
        """Return another word."""
        return object()

    def disjunction(self, a: Word, b: Word) -> Word:
        """Return another word."""
        return object()

    def difference(self, a: Word, b: Word) -> Word:
        """Return another word."""
        return object()

    def complement(self, a: Word) -> Word:
        """Return another word."""
        return object()


@final
class _SymbolicEvaluation(Evaluation):
    """Leaves are words that nothing else is equal to."""

    def __init__(self, model: BoundModel, roots: list[int]) -> None:
        super().__init__(model, _Symbols(), roots, lazy=frozenset())

    def leaf(self, number: int) -> Slices | None:
        """Return new words for a leaf."""
        node = self.model.graph.nodes[number]
        if node.op not in (*DRAWS, "field", "outcome", "cell", "size", "public", "edge"):
            return None
        low, _ = self.model.intervals[number]
        return Slices(tuple(object() for _ in range(width_of(self.model.intervals[number]))), low < 0)
