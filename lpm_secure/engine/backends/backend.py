"""What every back end does."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.graph import ModelGraph
from protocols.models.graph.interpreter import Inputs


class Backend(abc.ABC):
    """Evaluates parts of one model's graph, elementwise over agents. Subclasses hold compiled code, and no agents."""

    def __init__(self, graph: ModelGraph) -> None:
        """Prepare for a graph that has been checked and proved."""
        self.graph = graph

    def hold(self, column: I64) -> Any:
        """Return a column where this back end computes; what it is given there it returns there."""
        return column

    def column(self, held: Any) -> I64:
        """Return what is held as an array."""
        return np.asarray(held)

    def count(self, held: Any, kinds: int) -> I64:
        """Return how many of a column are 0, 1, and so on, int64[kinds]."""
        return np.bincount(held, minlength=kinds)

    @abc.abstractmethod
    def evaluate(self, parts: Sequence[str], inputs: Inputs) -> Mapping[str, Mapping[str, I64]]:
        """Return parts of the model for all agents, int64[n] by part and name; booleans are 0 and 1.

        Args:
            parts: of `ModelGraph.parts`; what they share is computed once.
            inputs: what the parts may look at.
        """
