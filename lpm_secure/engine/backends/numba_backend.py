"""Generated loops on the CPU: one pass over the agents for some parts of a model, draws only where they are needed."""

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, final

import llvmlite
import numba
import numpy as np
import pooch

from lpm_secure.engine.backends.backend import Backend
from lpm_secure.engine.backends.source import LoopSource, source_of
from lpm_secure.engine.kernels import blocks, draws
from lpm_secure.engine.kernels.draws import key_of
from lpm_secure.engine.kernels.workers import Workers
from protocols import atomic_file
from protocols.arithmetic import distributions, jit, philox
from protocols.arithmetic.fixed_point import I64, U64
from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.interpreter import Inputs

FOLDER: Final = Path(pooch.os_cache("lpm-secure")) / "loops"
MODULES: Final = (blocks, draws, jit, distributions, philox)  # whose functions and numbers are compiled into a loop
COMPILERS: Final = (numba, llvmlite, np)


@final
class NumbaBackend(Backend):
    """Evaluates by machine code, compiled once for a graph and kept on disk under the hash of all that it depends on.

    Security: the code is generated here, from a graph that has been checked; none of it came from elsewhere. A file in
        the cache counts only if it is, byte for byte, what would be generated anew.
    """

    def __init__(self, graph: ModelGraph, *, threads: int = 1) -> None:
        """Prepare; loops are compiled when they are first called."""
        super().__init__(graph)
        self._threads = threads
        self._loops: dict[tuple[str, ...], tuple[LoopSource, Callable[..., None]]] = {}
        self._workers: Workers | None = None

    def evaluate(
        self, parts: Sequence[str], inputs: Inputs, *, into: Mapping[tuple[str, str], Any] = MappingProxyType({})
    ) -> Mapping[str, Mapping[str, I64]]:
        """Return parts of the model in one pass.

        Args:
            parts: of the model.
            inputs: of the agents.
            into: by part and name, columns that results go into, of types that hold them; others are int64[n].
        """
        key = tuple(parts)
        if key not in self._loops:
            source = source_of(self.graph, key)
            self._loops[key] = source, compile_module(source.text).loop
        source, loop = self._loops[key]
        n = inputs.source.agents.size
        if self._workers is None or self._workers.ranges[-1][1] != n:
            self._workers = Workers(n, self._threads)
        out = tuple(into[each] if each in into else np.empty(n, dtype=np.int64) for each in source.results)
        given = (inputs.source.agents, key_of(inputs.source.key), np.int64(inputs.source.step))
        given += _arguments(self.graph, source, inputs)
        self._workers.each(lambda _, span: loop(span, *given, out))
        values: dict[str, dict[str, I64]] = {part: {} for part in parts}
        for (part, name), column in zip(source.results, out, strict=True):
            values[part][name] = column
        return values


def _arguments(graph: ModelGraph, source: LoopSource, inputs: Inputs) -> tuple[Any, ...]:
    held: Mapping[str, Mapping[str, Any]] = {
        "field": inputs.state,
        "outcome": inputs.outcomes,
        "cell": inputs.cells,
        "size": inputs.sizes,
        "known": inputs.known,
        "edge": inputs.edges,
        "parameter": inputs.parameters,
        "public": inputs.public,
    }
    columns = tuple(np.ascontiguousarray(held[op][name]) for op, name in source.columns)
    scalars = tuple(np.int64(held[op][name]) for op, name in source.scalars)
    tables = tuple(table_of(graph.nodes[number], inputs.parameters) for number in source.tables)
    bounds = tuple(law_bounds(graph.nodes[number], inputs.parameters) for number in source.laws)
    return columns, scalars, tables, bounds


def table_of(node: GraphNode, parameters: Mapping[str, Any]) -> I64:
    """Return the entries of a table in a row, as a loop looks them up."""
    entries: I64 = np.array(node.numbers if node.op == "table" else parameters[node.name], dtype=np.int64)
    return entries.reshape(-1)


def law_bounds(node: GraphNode, parameters: Mapping[str, Any]) -> U64:
    """Return the bounds of laws of days, uint64[rows, days - 1], as a loop searches them."""
    laws = np.atleast_2d(np.array(node.numbers if node.op == "table" else parameters[node.name], dtype=np.int64))
    return np.cumsum(laws[:, :-1], axis=1).astype(np.uint64)


def stamp(sources: Sequence[bytes]) -> str:
    """Return a hash of what a loop's machine code depends on beside its own text, which is all that numba looks at.

    Args:
        sources: of the modules that are compiled into it.
    """
    versions = [f"{compiler.__name__} {compiler.__version__}".encode() for compiler in COMPILERS]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in (*versions, *sources))).hexdigest()


def compile_module(text: str) -> Any:
    """Return a generated module, whose functions are compiled when they are called, or were by an earlier process."""
    return load(text, stamp([inspect.getsource(module).encode() for module in MODULES]), FOLDER)


def load(text: str, stamped: str, folder: Path) -> Any:
    """Return a generated module; numba keeps its machine code beside the file."""
    text = f"# Compiled with {stamped}\n{text}"
    name = f"loop_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    path = folder / f"{name}.py"
    if not path.exists() or path.read_bytes() != text.encode():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_file.write_atomically(path, text.encode())
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # by this name numba finds the functions whose code it has kept
    spec.loader.exec_module(module)
    return module
