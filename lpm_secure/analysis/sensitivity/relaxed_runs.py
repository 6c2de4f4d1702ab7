"""Relaxed runs as tensors, for whoever trains an environment through them."""

import dataclasses
from typing import final

import torch

from lpm_secure.analysis.sensitivity.setup import ProblemSetup
from lpm_secure.environments.environment import Environment
from lpm_secure.gradients.expectation.model_relaxation import ModelRelaxation
from protocols.errors import ModelError
from protocols.models.graph.agents import tally_of


@final
class RelaxedRuns:
    """Runs of one model among the same people, each with an environment of its own.

    Attributes:
        n: agents.
        steps: T.
    """

    def __init__(self, setup: ProblemSetup) -> None:
        """Take a problem whose model has a local chain.

        Raises:
            ModelError: it has none.
        """
        if reason := setup.missing.get(ModelRelaxation.name):
            raise ModelError(reason)
        self._problem, self._theta, self._environment = setup.problem, setup.theta, setup.problem.environment
        self.n, self.steps = setup.problem.people.n, setup.problem.steps
        if self._environment is not None:  # one problem for all runs, so that its chains are looked for once
            self._problem = dataclasses.replace(setup.problem, environment=self._new)

    def _new(self) -> Environment:
        if self._environment is None:
            raise ModelError("nothing says public numbers; give an environment")
        return self._environment()

    def run(self, environment: Environment | None = None) -> dict[str, torch.Tensor]:
        """Return the expected totals of all steps, float64[T + 1] by name, and unrounded public numbers, float64[T].

        Args:
            environment: that says public numbers in place of the source's, and keeps nothing from step to step. What it
                says as an `lpm.PublicValue` has derivatives by whatever its tensor is made of, totals among them.

        Raises:
            ModelError: it has a mistake; or there is a schedule, in whose place none can be given.
        """
        before = self._environment
        if environment is not None:
            if before is None:
                raise ModelError("the source has no environment that reacts; name this one in its configuration")
            self._environment = lambda: environment
        try:
            run = ModelRelaxation().run(self._problem, self._theta)
        finally:
            self._environment = before
        words = [word.name for word in tally_of(self._problem.graph)]
        return dict(zip(words, run.series, strict=True)) | {f"public_{k}": own for k, own in run.numbers.items()}
