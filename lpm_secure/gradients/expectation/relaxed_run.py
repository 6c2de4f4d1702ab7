"""The relaxed run of a problem as torch tensors: derivatives go through what an environment says, and on through it.

Agents are moved on with derivatives by the model's parameters and by each number of each step, as if it were one too.
What is released is then its value with these derivatives, as a tensor; the environment makes its numbers of
such tensors; and so the chain rule goes through the loop that the two make, in either direction.
"""

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import torch

from lpm_secure.environments.announcer import Announcer
from lpm_secure.environments.environment import Environment
from lpm_secure.gradients.model.model_problem import ModelProblem
from protocols.arithmetic.distributions import F64
from protocols.models.chain.chain_agents import NO_PUBLIC, ChainAgents
from protocols.models.dual import Dual


@final
class RelaxedRun:
    """Expected totals of all steps.

    Attributes:
        theta: float64[p], the agents' parameters, of which there are derivatives.
        series: float64[q, T + 1], in the order of the problem's outputs' words.
        numbers: float64[T] of each public number, as it was before it was rounded.
    """

    def __init__(self, problem: ModelProblem, agents: ChainAgents, p: int, environment: Environment | None) -> None:
        """Run.

        Args:
            problem: with its people and steps.
            agents: at the beginning, with derivatives by p parameters and then by each number of each step.
            p: parameters.
            environment: a new one; none where numbers are on a schedule.

        Raises:
            ModelError: the environment has a mistake.
        """
        self._problem, self._agents, self._p = problem, agents, p
        self.theta = torch.zeros(p, dtype=torch.float64, requires_grad=True)
        self._moved: list[torch.Tensor] = []
        self._announcer: Announcer | None = None
        if environment is not None:
            cells = problem.people.cells.sizes.size
            self._announcer = Announcer.of_graph(problem.graph, environment, steps=problem.steps, cells=cells)
        self._numbers: list[list[torch.Tensor]] = []
        series = []
        for step in range(problem.steps):
            public = self._announce(step)
            series.append(self._release())
            move(agents, problem, step, public)
        series.append(self._release())
        self.series = torch.stack(series, dim=1)
        names = list(problem.graph.public)
        self.numbers = {name: torch.stack([row[k] for row in self._numbers]) for k, name in enumerate(names)}

    def _announce(self, step: int) -> dict[str, Dual]:
        """Return the numbers of a step, each moving by itself alone."""
        names = list(self._problem.graph.public)
        told = self._problem.announce(step) if self._announcer is None else self._announcer.relax(step)
        tensors = [torch.as_tensor(told[name], dtype=torch.float64).reshape(()) for name in names]
        self._numbers.append(tensors)
        width, first = len(self._agents.parameters), self._p + len(self._moved)
        duals = {}
        for place, (name, number) in enumerate(zip(names, tensors, strict=True)):
            tangent = np.zeros((width, 1))
            if self._announcer is not None:
                tangent[first + place] = 1.0
            duals[name] = Dual(np.array([float(number.detach())]), tangent)
        if self._announcer is not None:
            self._moved += [number - number.detach() for number in tensors]
        return duals

    def _release(self) -> torch.Tensor:
        """Return the totals of all agents, and tell the environment, float64[q]."""
        each, people = self._agents.total_means(), self._problem.people
        own = people.n - people.synthetic
        private, synthetic = (self._tensor(each, rows) for rows in (slice(own), slice(own, None)))
        if self._announcer is not None:
            self._announcer.observe(private, synthetic, self._cells())
        return private + synthetic

    def _cells(self) -> torch.Tensor:
        """Return everybody's totals of cells, float64[w * cells]."""
        of, sizes = self._problem.people.cells.of, self._problem.people.cells.sizes
        contacts = sum(not channel.cell for channel in self._problem.graph.channels.values())
        told = self._agents.message_means()[contacts:] if sizes.size else []
        rows = [self._tensor([dual], of == cell) for dual in told for cell in range(sizes.size)]
        return torch.cat(rows) if rows else torch.zeros(0, dtype=torch.float64)

    def _tensor(self, each: Sequence[Dual], rows: Any) -> torch.Tensor:
        """Return totals of some agents' numbers, whose derivatives go on."""
        value = torch.tensor([float(dual.value[rows].sum()) for dual in each], dtype=torch.float64)
        slope: F64 = np.array([dual.tangent[:, rows].sum(axis=1) for dual in each]).reshape(len(each), -1)
        by, moved = torch.from_numpy(slope), len(self._moved)
        total: torch.Tensor = value + by[:, : self._p] @ self.theta
        if moved:
            total = total + by[:, self._p : self._p + moved] @ torch.stack(self._moved)
        return total


def move(agents: ChainAgents, problem: ModelProblem, step: int, public: Mapping[str, Dual] = NO_PUBLIC) -> None:
    """Move relaxed agents of a problem on by a step, in which they hear public numbers, float64[1] each."""
    people, told = problem.people, agents.message_means()
    names = sorted(name for name, channel in problem.graph.channels.items() if not channel.cell)
    exposures = []
    if people.contacts is not None:
        for name, message in zip(names, told, strict=False):
            matrix = people.contacts.matrix(name, step=step)
            exposures.append(_map(message, lambda numbers, matrix=matrix: matrix @ numbers))
    mixing, shares = people.cells, []
    if mixing.sizes.size:
        for message in told[len(names) :]:
            totals = _map(message, lambda numbers: np.bincount(mixing.of, numbers, minlength=mixing.sizes.size))
            shares.append(_map(totals, lambda numbers: (numbers / np.maximum(mixing.sizes, 1))[mixing.of]))
    agents.move(exposures, shares, public)


def _map(dual: Dual, linear: Any) -> Dual:
    """Return what a linear map makes of a number and of its derivatives."""
    return Dual(linear(dual.value), np.array([linear(each) for each in dual.tangent]).reshape(len(dual.tangent), -1))
