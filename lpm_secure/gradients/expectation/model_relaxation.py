"""The relaxed run of any model that has a local chain: every agent is in every state with a probability.

    d E[f] is taken for the derivative of f of expected series, where neighbours' states are independent

Each agent moves by the law of the discrete model, exactly, given what it hears; it hears expected messages in place of
messages. Derivatives are exact for these dynamics, and draw nothing. They are not those of the discrete run: an agent's
own state comes back to it through its neighbours, and nothing dies out by chance.

Source: Van Mieghem, Omic and Kooij, Virus spread in networks, IEEE/ACM ToN 17 (2009), for S-I-S.
"""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, final

import numpy as np

from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian, OnSeed
from lpm_secure.gradients.model.model_problem import ModelProblem
from lpm_secure.gradients.model.point import ModelPoint
from protocols.arithmetic.distributions import F64
from protocols.models.chain.chain_agents import ChainAgents
from protocols.models.chain.chain_groups import ChainGroups
from protocols.models.chain.chain_parameters import chain_parameters
from protocols.models.dual import Dual
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.score_parameters import entries_of


@final
@dataclass(frozen=True, slots=True)
class ModelRelaxation(Estimator):
    """One pass for all; seeds do not matter, and there is no standard error."""

    name: ClassVar[str] = "relaxed"
    unbiased: ClassVar[bool] = False
    draws: ClassVar[bool] = False

    def agents(self, problem: ModelProblem, theta: ModelPoint) -> ChainAgents:
        """Return a problem's agents at the beginning, with derivatives by all parameters that have some."""
        parameters, groups = chains(problem, theta)
        cells = problem.people.cells
        return ChainAgents(
            groups,
            Gradient(way="tangents", parameters=parameters),
            sizes=tuple(cells.sizes.tolist()),
            cell=cells.of,
        )

    def estimate(
        self, problem: ModelProblem, theta: ModelPoint, seeds: range, *, on_seed: OnSeed = lambda: None
    ) -> Jacobian:
        """Differentiate the relaxed run; NaN by parameters that it has no derivative by."""
        since = time.perf_counter()
        agents = self.agents(problem, theta)
        series = [_totals(agents)]
        for step in range(problem.steps):
            _move(agents, problem, step)
            series.append(_totals(agents))
        means = np.stack(series, axis=1)  # float64[q, T + 1, 1 + p]
        value = np.full((problem.outputs.count, len(theta.names)), np.nan)
        columns = [theta.titles.index(name) for name in agents.parameters]
        value[:, columns] = np.einsum("oqt,qtp->op", problem.outputs.slope(means[:, :, 0]), means[:, :, 1:])
        expected = problem.outputs.value(means[:, :, 0])
        on_seed()
        return Jacobian(value, np.zeros_like(value), 1, time.perf_counter() - since, expected)


@lru_cache(maxsize=1)
def chains(problem: ModelProblem, theta: ModelPoint) -> tuple[tuple[str, ...], ChainGroups]:
    """Return by which parameters a problem's relaxed run has derivatives, and its agents' chains; made once.

    Raises:
        ModelError: the model has no local chain.
    """
    model = GraphModel(problem.graph, dict(theta.integers))
    known = chain_parameters(model).known
    parameters = tuple(name for name in theta.titles if name in known)
    groups = ChainGroups.of(
        model,
        entries_of(model, parameters),
        columns=problem.people.columns,
        n=problem.people.n,
        steps=problem.steps,
        laws=theta.law_slopes,
    )
    return parameters, groups


def _totals(agents: ChainAgents) -> F64:
    """Return the expected totals of all agents and their derivatives, float64[q, 1 + p]."""
    each = agents.total_means()
    return np.array([[dual.value.sum(), *dual.tangent.sum(axis=1)] for dual in each])


def _move(agents: ChainAgents, problem: ModelProblem, step: int) -> None:
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
    agents.move(exposures, shares)


def _map(dual: Dual, linear: Any) -> Dual:
    """Return what a linear map makes of a number and of its derivatives."""
    return Dual(linear(dual.value), np.array([linear(each) for each in dual.tangent]).reshape(len(dual.tangent), -1))
