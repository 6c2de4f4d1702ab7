"""A graph on torch tensors, on the CPU or an accelerator: draws only for the agents that take their branch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np
import torch

from lpm_secure.engine.backends.backend import Backend
from lpm_secure.engine.backends.placement import Path, Placement, place
from lpm_secure.engine.backends.torch_words import exponential, random_words, shift_right
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.philox import DrawPurpose
from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.draws import BEGIN, LAW_TOTAL, SPELL, SPELL_KEY, number_of
from protocols.models.graph.graph import DRAWS
from protocols.models.graph.interpreter import Inputs

COLUMNS: Final = MappingProxyType(
    {"field": "state", "outcome": "outcomes", "cell": "cells", "size": "sizes", "known": "known", "edge": "edges"}
)
NUMBERS: Final = MappingProxyType({"parameter": "parameters", "public": "public"})
VALUES: Final[Mapping[str, Callable[..., torch.Tensor]]] = MappingProxyType(
    {
        "add": torch.add,
        "subtract": torch.sub,
        "multiply": torch.mul,
        "divide": lambda a, b: torch.div(a, b, rounding_mode="floor"),
        "modulo": torch.remainder,
        "left": torch.bitwise_left_shift,
        "right": torch.bitwise_right_shift,
        "minimum": torch.minimum,
        "maximum": torch.maximum,
        "less": torch.lt,
        "less_equal": torch.le,
        "equal": torch.eq,
        "and": torch.logical_and,
        "or": torch.logical_or,
        "xor": torch.logical_xor,
        "not": torch.logical_not,
        "integer": lambda a: a.to(torch.int64),
        "where": torch.where,
    }
)


@final
class TorchBackend(Backend):
    """Evaluates on a device. Given tensors it returns tensors, which stay there; given arrays it returns arrays."""

    def __init__(self, graph: ModelGraph, device: torch.device | str = "cpu") -> None:
        """Prepare."""
        super().__init__(graph)
        self.device = torch.device(device)
        self._placements: dict[tuple[str, ...], Placement] = {}
        self._numbers: tuple[U64, torch.Tensor] | None = None

    def evaluate(self, parts: Sequence[str], inputs: Inputs) -> Mapping[str, Mapping[str, I64]]:
        """Return parts of the model, int64[n]."""
        key = tuple(parts)
        roots = {(part, name): root for part in parts for name, root in self.graph.parts[part].items()}
        if key not in self._placements:
            self._placements[key] = place(self.graph, list(roots.values()))
        numbers = self._agents(inputs.source.agents)
        scope = _Scope(self, self._placements[key], inputs, numbers)
        scope.run(())
        tensors = any(isinstance(column, torch.Tensor) for column in inputs.state.values())
        values: dict[str, dict[str, Any]] = {part: {} for part in parts}
        for (part, name), root in roots.items():
            column = scope.value(root).to(torch.int64).expand(numbers.numel()).clone()
            values[part][name] = column if tensors else self.column(column)
        return values

    def hold(self, column: Any) -> torch.Tensor:
        """Return a column on the device."""
        if isinstance(column, torch.Tensor):
            return column.to(self.device)
        return torch.from_numpy(np.ascontiguousarray(column)).to(self.device)

    def column(self, held: Any) -> I64:
        """Return a column as an array."""
        column: I64 = self.hold(held).cpu().numpy()
        return column

    def count(self, held: torch.Tensor, kinds: int) -> I64:
        """Return how many of a column are 0, 1, and so on."""
        return self.column(torch.bincount(held, minlength=kinds))

    def _agents(self, agents: U64) -> torch.Tensor:
        """Return the agents' numbers with the same bits; those of the last call are still there."""
        if self._numbers is None or self._numbers[0] is not agents:
            self._numbers = agents, self.hold(agents.view(np.int64))
        return self._numbers[1]


@final
@dataclass(slots=True)
class _Scope:
    """Values of some agents' nodes: of all, or of those who take a branch.

    Attributes:
        backend, placement, inputs: of the evaluation.
        numbers: int64[n], the agents'.
        parent: whose agents these are some of; None of all.
        rows: int64[n], which of the parent's.
        place: int64[n], which of all; None where these are all.
    """

    backend: TorchBackend
    placement: Placement
    inputs: Inputs
    numbers: torch.Tensor
    parent: "_Scope | None" = None
    rows: torch.Tensor | None = None
    place: torch.Tensor | None = None
    values: dict[int, torch.Tensor] = field(default_factory=dict)

    def run(self, path: Path) -> None:
        """Compute the nodes of a block, and of the blocks inside it."""
        graph = self.backend.graph
        for number in self.placement.blocks.get(path, ()):
            node = graph.nodes[number]
            inside = [(*path, (number, side)) for side in (1, 2)]
            if node.op == "where" and any(branch in self.placement.blocks for branch in inside):
                self.values[number] = self._branches(node, inside)
            else:
                self.values[number] = self._compute(node)

    def value(self, number: int) -> torch.Tensor:
        """Return a node's value for these agents, [n] or one for all."""
        if number not in self.values and self.parent is not None:
            outer = self.parent.value(number)
            self.values[number] = outer[self.rows] if outer.dim() == 1 and self.rows is not None else outer
        return self.values[number]

    def _branches(self, node: GraphNode, inside: list[Path]) -> torch.Tensor:
        """Return a choice, of which each branch is computed for those who take it."""
        condition = self.value(node.inputs[0]).expand(self.numbers.numel())
        out: torch.Tensor | None = None
        for branch, index, taken in zip(inside, node.inputs[1:], (condition, ~condition), strict=True):
            rows = torch.nonzero(taken).reshape(-1)
            place = rows if self.place is None else self.place[rows]
            scope = _Scope(self.backend, self.placement, self.inputs, self.numbers[rows], self, rows, place)
            scope.run(branch)
            value = scope.value(index)
            if out is None:
                out = torch.empty(self.numbers.numel(), dtype=value.dtype, device=value.device)
            out[rows] = value
        if out is None:
            raise ValueError("a choice has two branches")
        return out

    def _compute(self, node: GraphNode) -> torch.Tensor:
        if node.op in COLUMNS:
            return self._column(node)
        if node.op in DRAWS:
            return self._draw(node)
        if node.op in ("constant", "table"):
            return self._number(node.numbers[0] if node.op == "constant" else node.numbers)
        if node.op in NUMBERS:
            return self._number(getattr(self.inputs, NUMBERS[node.op])[node.name])
        if node.op == "lookup":
            return self._table(node.inputs[0]).reshape(-1)[self.value(node.inputs[1])]
        return VALUES[node.op](*(self.value(index) for index in node.inputs))

    def _number(self, value: Any) -> torch.Tensor:
        return torch.as_tensor(np.array(value, dtype=np.int64), device=self.backend.device)

    def _table(self, number: int) -> torch.Tensor:
        """Return a table, which is the same for all agents."""
        scope = self
        while number not in scope.values and scope.parent is not None:
            scope = scope.parent
        return scope.values[number]

    def _column(self, node: GraphNode) -> torch.Tensor:
        given = getattr(self.inputs, COLUMNS[node.op])[node.name]
        column = self.backend.hold(given)
        column = column if self.place is None else column[self.place]
        graph = self.backend.graph
        truth = node.op == "known" or (node.op == "outcome" and graph.outcomes[node.name].reveals == "bit")
        return column != 0 if truth else column.to(torch.int64)

    def _draw(self, node: GraphNode) -> torch.Tensor:
        operands = list(node.inputs)
        word = self._word(node, operands)
        if node.op == "exponential":
            return exponential(word, node.numbers[1])
        if node.op == "happens":
            return shift_right(word, 32) < self.value(operands[0])
        if node.op == "uniform":
            low, count = (self.value(index) for index in operands)
            return low + ((word & (2**32 - 1)) * count >> 32)
        row, laws = self.value(operands[1]), self._table(operands[0])
        laws = laws.reshape(-1, laws.shape[-1])
        starts = torch.arange(laws.shape[0], device=laws.device)[:, None] * LAW_TOTAL
        bounds = torch.cumsum(laws[:, :-1], dim=1)
        elapsed = self.value(operands[2]) if len(operands) > 2 else torch.zeros_like(row)
        before = torch.nn.functional.pad(torch.cumsum(laws, dim=1), (1, 0))
        passed = before[row, elapsed.clamp(max=laws.shape[1])]
        upper = passed + shift_right(shift_right(word, 32) * (LAW_TOTAL - passed), 32)
        place = torch.searchsorted((bounds + starts).reshape(-1), upper + row * LAW_TOTAL, right=True)
        return torch.where(passed == LAW_TOTAL, 0, place - row * bounds.shape[1] + 1 - elapsed)

    def _word(self, node: GraphNode, operands: list[int]) -> torch.Tensor:
        """Return a draw's random word; of a spell's, the spell is taken from the operands."""
        purpose, source = number_of(node.name), self.inputs.source
        if node.numbers[0] == SPELL:
            seed = random_words(source.key, self.numbers, int(DrawPurpose.SEED), 0)
            return random_words((SPELL_KEY, 0), seed, purpose, self.value(operands.pop()))
        return random_words(source.key, self.numbers, purpose, 0 if node.numbers[0] == BEGIN else source.step + 1)
