"""A problem with its point, and the estimators that it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from lpm_secure.gradients.estimators.estimator import Estimator
from lpm_secure.gradients.problem.problem import Problem
from lpm_secure.gradients.problem.theta import ThetaPoint


@final
@dataclass(frozen=True, slots=True, eq=False)
class ProblemSetup:
    """What is estimated.

    Attributes:
        problem: with its outputs.
        theta: where.
        estimators: by name, beside finite differences.
        default: of sensitivities.
        missing: of each estimator that there is not for this problem, why.
    """

    problem: Problem
    theta: ThetaPoint
    estimators: Mapping[str, Estimator]
    default: Estimator
    missing: Mapping[str, str] = field(default_factory=dict)
