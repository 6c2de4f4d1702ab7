"""Where in a generated loop a node stands: inside the branch that alone needs it, or before all branches.

A draw costs a hundred additions. It is made only for agents that take the branch of a `where` in which it is used;
what is cheap is computed for all, since a branch costs more than it saves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from protocols.models.graph import ModelGraph
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.graph import DRAWS

Path = tuple[tuple[int, int], ...]  # branches from the outside in: number of the `where`, and 1 or 2
COSTLY: Final = frozenset({*DRAWS, "divide", "modulo"})
DEEPEST: Final = 16  # branches inside each other; Python reads at most 100 levels of indentation


@final
@dataclass(frozen=True, slots=True)
class Placement:
    """Of each node that is needed, the block it stands in; and which blocks there are.

    Attributes:
        block: by node.
        blocks: nodes of each block, in order; the outermost is ().
    """

    block: Mapping[int, Path]
    blocks: Mapping[Path, tuple[int, ...]]


def place(graph: ModelGraph, roots: list[int]) -> Placement:
    """Return where each node stands that the roots are computed from."""
    nodes = ancestors_of(graph, roots)
    every = _blocks(graph, nodes, roots, None)
    worth = {
        path[:depth]
        for number, path in every.items()
        if graph.nodes[number].op in COSTLY
        for depth in range(1, len(path) + 1)
    }
    block = _blocks(graph, nodes, roots, worth)
    blocks: dict[Path, list[int]] = {(): []}
    for number in nodes:
        blocks.setdefault(block[number], []).append(number)
    return Placement(block, {path: tuple(members) for path, members in blocks.items()})


def _blocks(graph: ModelGraph, nodes: list[int], roots: list[int], worth: set[Path] | None) -> dict[int, Path]:
    """Return the innermost block that holds all users of each node; of all branches, or only of those worth one."""
    users: dict[int, list[tuple[int, int]]] = {number: [] for number in nodes}
    for number in nodes:
        for position, index in enumerate(graph.nodes[number].inputs):
            users[index].append((number, position))
    block: dict[int, Path] = {}
    for number in reversed(nodes):
        paths: list[Path] = [()] if number in roots else []
        for user, position in users[number]:
            inside = (*block[user], (user, position))
            branch = graph.nodes[user].op == "where" and position > 0 and len(inside) <= DEEPEST
            paths.append(inside if branch and (worth is None or inside in worth) else block[user])
        block[number] = _common(paths)
    return block


def _common(paths: list[Path]) -> Path:
    first = paths[0]
    depth = len(first)
    for path in paths[1:]:
        same = 0
        while same < min(depth, len(path)) and path[same] == first[same]:
            same += 1
        depth = same
    return first[:depth]
