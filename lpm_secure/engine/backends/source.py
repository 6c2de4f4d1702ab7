"""The loop over agents that a graph becomes: Python text for numba, one function for some parts of a model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar, final

from lpm_secure.engine.backends.placement import Path, Placement, place
from protocols.arithmetic.philox import DrawPurpose
from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.draws import BEGIN, SPELL, SPELL_KEY, number_of
from protocols.models.graph.graph import DRAWS

T = TypeVar("T")
IMPORTS: Final = '''"""Generated from a model's graph; not to be edited."""

import numpy as np

from lpm_secure.engine.kernels.draws import block, days, rest_of_days, log, uniform
from protocols.arithmetic.jit import compile_kernel
'''
HEAD: Final = (
    IMPORTS
    + '''

@compile_kernel
def loop(span, numbers, key, step, columns, scalars, tables, bounds, out):
    """Compute agents span[0] to span[1] - 1."""
'''
)
FORMS: Final = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} // {1}",
    "modulo": "{0} % {1}",
    "left": "{0} << {1}",
    "right": "{0} >> {1}",
    "minimum": "min({0}, {1})",
    "maximum": "max({0}, {1})",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
    "not": "not {0}",
    "integer": "np.int64({0})",
    "where": "{1} if {0} else {2}",
}
COLUMNS: Final = ("field", "outcome", "cell", "size", "known", "edge")


@final
@dataclass(frozen=True, slots=True)
class LoopSource:
    """A generated function and what it is to be given.

    Attributes:
        text: of the module; its function is `loop`.
        columns: (op, name) of each array that it reads, in order.
        scalars: (op, name) of each number.
        tables: nodes whose entries are looked up.
        laws: nodes whose laws of days are drawn from.
        results: (part, name) of each array that it writes.
    """

    text: str
    columns: tuple[tuple[str, str], ...]
    scalars: tuple[tuple[str, str], ...]
    tables: tuple[int, ...]
    laws: tuple[int, ...]
    results: tuple[tuple[str, str], ...]


def source_of(graph: ModelGraph, parts: tuple[str, ...]) -> LoopSource:
    """Return the loop of some parts of a graph."""
    results = tuple((part, name) for part in parts for name in sorted(graph.parts[part]))
    roots = [graph.parts[part][name] for part, name in results]
    placement = place(graph, roots)
    nodes = sorted(placement.block)
    columns = _unique((graph.nodes[i].op, graph.nodes[i].name) for i in nodes if graph.nodes[i].op in COLUMNS)
    numbers = [graph.nodes[i] for i in nodes if graph.nodes[i].op in ("parameter", "public")]
    scalars = _unique((node.op, node.name) for node in numbers if not is_table(graph, node))
    tables = _unique(graph.nodes[i].inputs[0] for i in nodes if graph.nodes[i].op == "lookup")
    laws = _unique(graph.nodes[i].inputs[0] for i in nodes if graph.nodes[i].op == "days")
    leaves = {leaf: f"scalar{place}" for place, leaf in enumerate(scalars)}
    leaves |= {leaf: _column(graph, leaf, place) for place, leaf in enumerate(columns)}
    names = {graph.nodes[number]: f"table{place}" for place, number in enumerate(tables)}
    laws_named = {graph.nodes[number]: f"law{place}" for place, number in enumerate(laws)}
    writer = BlockWriter(graph, placement, leaves, names, laws_named)
    lines = [HEAD]
    given = {
        "column": len(columns),
        "scalar": len(scalars),
        "table": len(tables),
        "law": len(laws),
        "result": len(results),
    }
    for (kind, count), group in zip(given.items(), ("columns", "scalars", "tables", "bounds", "out"), strict=True):
        lines += [f"    {kind}{i} = {group}[{i}]\n" for i in range(count)]
    lines.append("    for i in range(span[0], span[1]):\n")
    lines += writer.lines((), 2)
    lines += [f"        result{i}[i] = v{root}\n" for i, root in enumerate(roots)]
    if not roots:
        lines.append("        pass\n")
    return LoopSource("".join(lines), columns, scalars, tables, laws, results)


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


def _column(graph: ModelGraph, leaf: tuple[str, str], place: int) -> str:
    op, name = leaf
    truth = op == "known" or (op == "outcome" and graph.outcomes[name].reveals == "bit")
    return f"column{place}[i] != 0" if truth else f"np.int64(column{place}[i])"


def is_table(graph: ModelGraph, node: GraphNode) -> bool:
    """Return whether a node has no value of its own, but entries."""
    return node.op == "table" or (node.op == "parameter" and graph.parameters[node.name].length > 0)


@final
@dataclass(frozen=True, slots=True)
class BlockWriter:
    """Writes one block after the other.

    Attributes:
        graph, placement: what is written, and where.
        leaves: by (op, name), what an agent's number is called in the text.
        tables, laws: what those that are looked up, and those that are drawn from, are called.
        agent: what the agent's own number is called, by which it draws.
        prefix: of the names of nodes' values.
    """

    graph: ModelGraph
    placement: Placement
    leaves: Mapping[tuple[str, str], str]
    tables: Mapping[GraphNode, str]
    laws: Mapping[GraphNode, str]
    agent: str = "numbers[i]"
    prefix: str = "v"

    def lines(self, path: Path, depth: int) -> list[str]:
        """Return the lines of a block, and of the blocks inside it."""
        written: list[str] = []
        pad = "    " * depth
        for number in self.placement.blocks.get(path, ()):
            node = self.graph.nodes[number]
            if is_table(self.graph, node):
                continue
            inside = [(*path, (number, side)) for side in (1, 2)]
            if node.op == "where" and any(branch in self.placement.blocks for branch in inside):
                written.append(f"{pad}if {self.prefix}{node.inputs[0]}:\n")
                for branch, index in zip(inside, node.inputs[1:], strict=True):
                    written += self.lines(branch, depth + 1)
                    written.append(f"{pad}    {self.prefix}{number} = {self.prefix}{index}\n")
                    written += [f"{pad}else:\n"] if branch is inside[0] else []
            else:
                written.append(f"{pad}{self.prefix}{number} = {self._expression(node)}\n")
        return written

    def _expression(self, node: GraphNode) -> str:
        operands = [f"{self.prefix}{index}" for index in node.inputs]
        if node.op in FORMS:
            return FORMS[node.op].format(*operands)
        if node.op in DRAWS:
            return self._draw(node, operands)
        if node.op == "lookup":
            return f"{self.tables[self.graph.nodes[node.inputs[0]]]}[{operands[1]}]"
        if node.op == "constant":
            return f"np.int64({node.numbers[0]})"
        return self.leaves[node.op, node.name]

    def _draw(self, node: GraphNode, operands: list[str]) -> str:
        purpose = f"np.uint64({number_of(node.name)})"
        word = f"block(key, {self.agent}, {purpose}, {'0' if node.numbers[0] == BEGIN else 'step + 1'})[0]"
        if node.numbers[0] == SPELL:
            seed = f"block(key, {self.agent}, {int(DrawPurpose.SEED)}, 0)[0]"
            own = f"(np.uint64({SPELL_KEY}), np.uint64(0))"
            word = f"block({own}, {seed}, {purpose}, {operands.pop()})[0]"
        if node.op == "happens":
            return f"np.int64({word} >> np.uint64(32)) < {operands[0]}"
        if node.op == "uniform":
            low = f"np.int64({word} & np.uint64({2**32 - 1}))"
            return f"{operands[0]} + ({low} * {operands[1]} >> 32)"
        if node.op == "exponential":
            return f"np.int64(np.rint(-log(uniform({word})) * {2.0 ** node.numbers[1]!r}))"
        law = self.laws[self.graph.nodes[node.inputs[0]]]
        if len(operands) > 2:
            return f"rest_of_days({word}, {law}[{operands[1]}], {operands[2]})"
        return f"np.int64(days({word}, {law}[{operands[1]}]))"
