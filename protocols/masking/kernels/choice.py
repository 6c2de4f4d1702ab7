"""Which kernels a range proof runs on: compiled where numba is installed and vectors are long."""

import importlib
import importlib.util
from functools import cache
from typing import Final

from protocols.masking.kernels.folding_kernels import FoldingKernels
from protocols.masking.kernels.numpy_kernels import NumpyKernels

LEAST_WORDS: Final = 2**13  # below, loading the compiled code takes longer than it saves
_NUMPY: Final = NumpyKernels()


def kernels_for(n: int) -> FoldingKernels:
    """Return the kernels for a proof of n words; the bytes are the same. What is loaded serves all."""
    return fastest() if n >= LEAST_WORDS or fastest.cache_info().currsize else _NUMPY


@cache
def fastest() -> FoldingKernels:
    """Return the compiled kernels where numba is installed, and those on numpy elsewhere."""
    if importlib.util.find_spec("numba") is None:
        return _NUMPY
    compiled: FoldingKernels = importlib.import_module("protocols.masking.kernels.compiled_kernels").CompiledKernels()
    return compiled
