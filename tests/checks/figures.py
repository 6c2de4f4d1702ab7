"""How the house stands: figures that no rule bounds, for a note or a review."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator

import grimp
import networkx as nx

from tests.checks.rules.whole import takers
from tests.checks.tree import PACKAGES, Tree, module_name

ENDS = (
    ("lpm_secure.cli.run.run", "protocols.task.manifest"),
    ("lpm_secure.cli.run.run", "lpm_secure.engine.loop"),
)


def figures(tree: Tree, value: str = "cell_beta") -> Iterator[str]:
    """Yield the figures of the source, a line each.

    Args:
        tree: of the repository.
        value: the identifier of a configuration whose walk is shown.
    """
    imports = _imports(grimp.build_graph(*PACKAGES, cache_dir=None))
    floor = floors(imports)
    files = Counter(path.parent for path in tree.source if path.name != "__init__.py")
    yield f"source: {sum(len(tree.text(path).splitlines()) for path in tree.source)} lines in {len(tree.source)} files"
    longest = max(tree.source, key=lambda path: len(tree.text(path).splitlines()))
    yield f"largest file: {longest}, {len(tree.text(longest).splitlines())} lines"
    yield f"folders: {len(files)}; " + ", ".join(f"{folder} {count}" for folder, count in files.most_common(5))
    yield f"floors: {max(floor.values())} of files, {max(floors(_folders(imports)).values())} of folders"
    rising = arrows_up(imports, (tree.root / "pyproject.toml").read_text())
    yield f"imports: {imports.number_of_edges()}, of which run up by the layers of pyproject.toml: {len(rising)}"
    yield from (f"  {one} -> {other}" for one, other in sorted(rising))
    for start, end in ENDS:
        if {start, end} <= set(imports) and nx.has_path(imports, start, end):
            yield f"shortest way to {end}: " + " > ".join(nx.shortest_path(imports, start, end))
    whole = {finding.subject for finding in takers(tree)}
    homes = {subject.rpartition(".")[0] for subject in whole}
    yield f"functions and classes that take a manifest: {len(whole)}, in {len(homes)} modules or classes"
    walk = [module_name(path) for path, module in tree.modules.items() if _names(module, value)]
    yield f"files that name {value}: {len(walk)}"
    yield from (f"  floor {floor[name]:2} {name}" for name in sorted(walk, key=lambda name: (-floor[name], name)))


def floors(imports: nx.DiGraph) -> dict[str, int]:
    """Return the floor that each module stands on: one above the highest that it imports; a cycle is one floor."""
    condensed = nx.condensation(imports)
    level: dict[int, int] = {}
    for node in reversed(list(nx.topological_sort(condensed))):
        level[node] = 1 + max((level[below] for below in condensed.successors(node)), default=0)
    return {module: level[node] for node, data in condensed.nodes(data=True) for module in data["members"]}


def arrows_up(imports: nx.DiGraph, settings: str) -> set[tuple[str, str]]:
    """Return the imports that run from a lower to a higher layer of a contract, or between siblings of one."""
    rising = set()
    for contract in tomllib.loads(settings)["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            for container in contract.get("containers", [""]):
                heights = _heights(contract["layers"], container)
                for one, other in imports.edges:
                    low, high = _place(one, heights), _place(other, heights)
                    if low and high and low[0] != high[0] and low[1] >= high[1]:
                        rising.add((one, other))
    return rising


def _heights(layers: list[str], container: str) -> dict[str, int]:
    """Return the number of its layer for each module of a contract, the top being 0."""
    return {
        ".".join(filter(None, (container, tail.strip(" ()")))): number
        for number, layer in enumerate(layers)
        for tail in re.split(r"[|:]", layer)
    }


def _place(module: str, heights: dict[str, int]) -> tuple[str, int] | None:
    """Return the entry of a contract that a module lies in, and its height."""
    return next(((name, height) for name, height in heights.items() if f"{module}.".startswith(f"{name}.")), None)


def _imports(graph: grimp.ImportGraph) -> nx.DiGraph:
    """Return the imports of the source as a graph, generated code left out; those under `TYPE_CHECKING` count."""
    imports = nx.DiGraph()
    for module in graph.modules:
        if not module.endswith(("_pb2", "_pb2_grpc")):
            imports.add_node(module)
            below = graph.find_modules_directly_imported_by(module)
            imports.add_edges_from((module, other) for other in below if not other.endswith(("_pb2", "_pb2_grpc")))
    return imports


def _folders(imports: nx.DiGraph) -> nx.DiGraph:
    """Return the imports between folders: a module stands for the folder that it lies in, a package for itself."""
    packages = {module.rpartition(".")[0] for module in imports} | set(PACKAGES)
    folder = {module: module if module in packages else module.rpartition(".")[0] for module in imports}
    return nx.DiGraph((folder[one], folder[other]) for one, other in imports.edges if folder[one] != folder[other])


def _names(module: ast.Module, value: str) -> bool:
    """Return whether an identifier occurs in a module."""
    return any(
        value in (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "arg", None))
        for node in ast.walk(module)
    )
