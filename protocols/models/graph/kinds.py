"""What each node of a graph is: an integer, a boolean or a table; and whether all nodes fit together."""

from typing import Final

from protocols.arithmetic.philox import DrawPurpose
from protocols.errors import ModelError
from protocols.models.graph.draws import BEGIN, SPELL, STEP
from protocols.models.graph.graph import DRAWS, GraphNode, ModelGraph
from protocols.models.graph.operations import OPERATIONS

INTEGER: Final = "integer"
BOOLEAN: Final = "boolean"
TABLE: Final = "table"
OPERANDS: Final = {"happens": (INTEGER,), "uniform": (INTEGER, INTEGER), "days": (TABLE, INTEGER), "exponential": ()}
NAMED: Final = {
    "field": "fields",
    "parameter": "parameters",
    "public": "public",
    "outcome": "outcomes",
    "cell": "channels",
    "size": "channels",
    "known": "fields",
    "edge": "channels",
}
RESERVED: Final = DrawPurpose.SEED.name.lower()  # whoever drew by it would draw the key of an agent's later spells
MAX_BITS: Final = 57  # of an exponential draw: 37 of them stay below 2**63


def kinds_of(graph: ModelGraph) -> tuple[str, ...]:
    """Return the kind of each node.

    Raises:
        ModelError: a node that is no operation, has operands that are not there, come after it or are of another kind,
            or names what the graph has not.
    """
    kinds: list[str] = []
    for number, node in enumerate(graph.nodes):
        if any(index >= number for index in node.inputs):
            raise ModelError(f"node {number} ({node.op}) takes a node that comes after it; nodes follow their inputs")
        kinds.append(_kind(graph, node, number, [kinds[index] for index in node.inputs]))
    return tuple(kinds)


def _kind(graph: ModelGraph, node: GraphNode, number: int, operands: list[str]) -> str:
    if node.op in OPERATIONS:
        return _operation(node, number, operands)
    if node.op in NAMED:
        return _named(graph, node, number)
    if node.op in DRAWS:
        return _draw(node, number, operands)
    if node.op == "constant" and not operands and len(node.numbers) == 1:
        return INTEGER
    if node.op == "table" and not operands and node.numbers:
        return TABLE
    if node.op == "lookup" and operands == [TABLE, INTEGER]:
        return INTEGER
    raise ModelError(f"node {number} is {node.op!r} of {operands}; no operation is called so, or takes these")


def _operation(node: GraphNode, number: int, operands: list[str]) -> str:
    operation = OPERATIONS[node.op]
    free = {kind for kind, wanted in zip(operands, operation.operands, strict=False) if wanted == "any"}
    fits = len(operands) == len(operation.operands) and all(
        wanted in (kind, "any") for kind, wanted in zip(operands, operation.operands, strict=True)
    )
    if not fits or len(free) > 1 or TABLE in free or node.name or node.numbers:
        raise ModelError(f"node {number}: {node.op} takes {operation.operands}, all `any` alike; it got {operands}")
    return free.pop() if operation.result == "any" else operation.result


def _named(graph: ModelGraph, node: GraphNode, number: int) -> str:
    known = getattr(graph, NAMED[node.op])
    if node.name not in known or node.inputs or node.numbers:
        raise ModelError(f"node {number}: there is no {node.op} {node.name!r}; there are {', '.join(known) or 'none'}")
    if node.op in ("cell", "size") and not graph.channels[node.name].cell:
        raise ModelError(f"node {number}: {node.name} goes along contacts; only a cell's channel has a total")
    if node.op == "edge" and graph.channels[node.name].along is None:
        raise ModelError(f"node {number}: contacts of {node.name} have no number of their own; declare its range")
    if node.op == "parameter" and graph.parameters[node.name].length:
        return TABLE
    if node.op == "known" or (node.op == "outcome" and graph.outcomes[node.name].reveals == "bit"):
        return BOOLEAN
    return INTEGER


def _draw(node: GraphNode, number: int, operands: list[str]) -> str:
    moment = node.numbers[0] if node.numbers else None
    passed = node.op == "days" and moment == BEGIN and len(operands) > len(OPERANDS[node.op])
    wanted = [*OPERANDS[node.op], *([INTEGER] if moment == SPELL or passed else [])]
    settings = 2 if node.op == "exponential" else 1
    if moment not in (BEGIN, STEP, SPELL) or len(node.numbers) != settings or operands != wanted or not node.name:
        raise ModelError(f"node {number}: {node.op} takes {wanted} and {settings} numbers; it got {operands}")
    if node.name == RESERVED:
        raise ModelError(f"node {number}: the purpose {RESERVED} is that of the draws of all spells; name another one")
    if node.op == "exponential" and not 0 <= node.numbers[1] <= MAX_BITS:
        raise ModelError(f"node {number}: an exponential draw has 0 to {MAX_BITS} fraction bits, not {node.numbers[1]}")
    return BOOLEAN if node.op == "happens" else INTEGER
