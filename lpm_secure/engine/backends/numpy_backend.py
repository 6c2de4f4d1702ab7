"""The interpreter as a back end: slow, short, and what the others are held against."""

from collections.abc import Mapping, Sequence
from typing import final

from lpm_secure.engine.backends.backend import Backend
from protocols.arithmetic.fixed_point import I64
from protocols.models.graph.interpreter import Inputs, evaluate


@final
class NumpyBackend(Backend):
    """Evaluates node by node on numpy."""

    def evaluate(self, parts: Sequence[str], inputs: Inputs) -> Mapping[str, Mapping[str, I64]]:
        """Return parts of the model, as the interpreter computes them."""
        return evaluate(self.graph, parts, inputs)
