"""Which kernels proofs of openings run on: compiled where numba and the processor allow it and agents are many."""

import importlib
import importlib.util
from functools import cache
from typing import Final

from aggregator.masking.carry.field_kernels import FieldKernels
from aggregator.masking.carry.numpy_field import NumpyField

LEAST_WORDS: Final = 2**10  # of each dealt plane and all of them; below, loading the compiled code takes longer
_NUMPY: Final = NumpyField()


def kernels_for(n: int) -> FieldKernels:
    """Return the kernels for a proof about n dealt words; the bytes are the same. What is loaded serves all."""
    return fastest() if n >= LEAST_WORDS or fastest.cache_info().currsize else _NUMPY


@cache
def fastest() -> FieldKernels:
    """Return the compiled kernels where numba is installed and the processor multiplies, else those on numpy."""
    if importlib.util.find_spec("numba") is None:
        return _NUMPY
    compiled = importlib.import_module("aggregator.masking.carry.compiled_field")
    kernels: FieldKernels = compiled.CompiledField() if compiled.processor_multiplies() else _NUMPY
    return kernels
