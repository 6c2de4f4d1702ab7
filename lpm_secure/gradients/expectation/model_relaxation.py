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
from typing import ClassVar, final

import numpy as np
import torch

from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian, OnSeed
from lpm_secure.gradients.expectation.relaxed_run import RelaxedRun
from lpm_secure.gradients.model.model_problem import ModelProblem
from lpm_secure.gradients.model.point import ModelPoint
from protocols.models.chain.chain_agents import ChainAgents
from protocols.models.chain.chain_groups import ChainGroups
from protocols.models.chain.chain_parameters import chain_parameters
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.entries import ParameterEntry
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
            Gradient(way="tangents", parameters=(*parameters, *_numbers_heard(problem))),
            sizes=tuple(cells.sizes.tolist()),
            cell=cells.of,
        )

    def run(self, problem: ModelProblem, theta: ModelPoint) -> RelaxedRun:
        """Return a problem's relaxed run, of whose tensors derivatives can be taken.

        Raises:
            ModelError: the model has no local chain, or the environment has a mistake.
        """
        environment = None if problem.environment is None else problem.environment()
        return RelaxedRun(problem, self.agents(problem, theta), len(chains(problem, theta)[0]), environment)

    def estimate(
        self, problem: ModelProblem, theta: ModelPoint, seeds: range, *, on_seed: OnSeed = lambda: None
    ) -> Jacobian:
        """Differentiate the relaxed run; NaN by parameters that it has no derivative by."""
        since = time.perf_counter()
        run = self.run(problem, theta)
        series = run.series.detach().numpy()
        value = np.full((problem.outputs.count, len(theta.names)), np.nan)
        columns = [theta.titles.index(name) for name in chains(problem, theta)[0]]
        for own, slope in zip(value, torch.from_numpy(problem.outputs.slope(series)), strict=True):
            (by,) = torch.autograd.grad((slope * run.series).sum(), run.theta, retain_graph=True)
            own[columns] = by.numpy()
        expected = problem.outputs.value(series)
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
        (*entries_of(model, parameters), *(ParameterEntry(name, 0, "") for name in _numbers_heard(problem))),
        columns=problem.people.columns,
        n=problem.people.n,
        steps=problem.steps,
        laws=theta.law_slopes,
    )
    return parameters, groups


def _numbers_heard(problem: ModelProblem) -> list[str]:
    """Return a name for each public number of each step, where they follow from releases."""
    steps = 0 if problem.environment is None else problem.steps
    return [f"{name} in step {step}" for step in range(steps) for name in problem.graph.public]
