"""Which kernels comparisons run on: compiled where numba and the processor allow it and agents are many."""

import importlib
import importlib.util
from functools import cache
from typing import Final

from aggregator.masking.trees.numpy_trees import NumpyTrees
from aggregator.masking.trees.tree_kernels import TreeKernels

LEAST_AGENTS: Final = 2**10  # below, loading the compiled code takes longer than it saves in some steps
_NUMPY: Final = NumpyTrees()


def trees_for(n: int) -> TreeKernels:
    """Return the kernels for comparisons of n agents; the bytes are the same. What is loaded serves all."""
    return fastest() if n >= LEAST_AGENTS or fastest.cache_info().currsize else _NUMPY


@cache
def fastest() -> TreeKernels:
    """Return the compiled kernels where numba is installed and the processor has AES, and those on numpy elsewhere."""
    if importlib.util.find_spec("numba") is None:
        return _NUMPY
    compiled = importlib.import_module("aggregator.masking.trees.compiled_trees")
    kernels: TreeKernels = compiled.CompiledTrees() if compiled.processor_has_aes() else _NUMPY
    return kernels
