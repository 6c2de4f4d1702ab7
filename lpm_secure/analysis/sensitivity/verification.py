"""Hold every estimator against finite differences of the discrete model, entry by entry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian, OnSeed
from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.gradients.model.model_problem import ModelProblem
from lpm_secure.gradients.model.point import ModelPoint
from protocols.arithmetic.distributions import F64
from protocols.errors import ParameterError

FIRST: Final = 64  # seeds of the first round; every further one doubles the total
NEAR: Final = (0.9, 1.1)
WIDE: Final = 1.96  # standard errors on either side of a 95 % interval


@final
@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """How one estimator compares.

    Attributes:
        name: of the estimator.
        found: its Jacobian.
        ratio: float64[o, p], found over finite differences; 1 where these are 0, and it is too but for its noise.
        error: float64[o, p], standard error of the ratio.
        asked: whether there is a ratio, bool[o, p]: the estimator has an answer, and differences are a derivative.
    """

    name: str
    found: Jacobian = field(repr=False)
    ratio: F64 = field(repr=False)
    error: F64 = field(repr=False)
    asked: Any = field(repr=False)

    @classmethod
    def of(cls, name: str, found: Jacobian, truth: Jacobian, *, coarse: Sequence[bool] | None = None) -> "Verdict":
        """Compare; of parameters whose differences are coarse there is no ratio."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = found.value / truth.value
            error = np.hypot(found.error, ratio * truth.error) / np.abs(truth.value)
        zero = (truth.value == 0) & (truth.error == 0) & _is_noise(found)
        hidden = np.zeros(ratio.shape[1], dtype=np.bool_) if coarse is None else np.array(coarse, dtype=np.bool_)
        ratio, error = (np.where(hidden, np.nan, np.where(zero, to, own)) for to, own in ((1.0, ratio), (0.0, error)))
        return cls(name, found, ratio, error, ~np.isnan(found.value) & ~hidden)

    @property
    def zeros(self) -> Any:
        """Whether the derivative is 0, and the estimate too but for its noise, bool[o, p]."""
        return (self.ratio == 1) & (self.error == 0) & _is_noise(self.found)

    @property
    def signs(self) -> Any:
        """Whether the sign is right, bool[o, p]."""
        return self.ratio > 0

    @property
    def covers(self) -> Any:
        """Whether the 95 % interval of the ratio covers 1, bool[o, p]."""
        return np.abs(self.ratio - 1) <= WIDE * self.error

    @property
    def holds(self) -> Any:
        """Whether the sign is right, and the ratio is within 0.9 to 1.1 or its interval covers 1, bool[o, p]."""
        return self.signs & (((self.ratio >= NEAR[0]) & (self.ratio <= NEAR[1])) | self.covers)


def _is_noise(found: Jacobian) -> Any:
    """Return whether an estimate's 95 % interval covers 0, bool[o, p]."""
    return np.abs(found.value) <= WIDE * found.error


@final
@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """One problem's verification.

    Attributes:
        problem: with its outputs.
        theta: where.
        truth: finite differences.
        target: the relative standard error that was asked for.
        step: half the distance of differences, as a part of a parameter's length.
        verdicts: of the estimators.
    """

    problem: ModelProblem
    theta: ModelPoint
    truth: Jacobian
    target: float
    step: float
    verdicts: tuple[Verdict, ...]

    @property
    def missed(self) -> list[str]:
        """Derivatives whose finite difference has a larger standard error than was asked for."""
        over = self.truth.error > self.target * np.abs(self.truth.value)
        return [f"{self.problem.outputs.names[o]} by {self.theta.names[p]}" for o, p in np.argwhere(over)]

    @property
    def none(self) -> list[str]:
        """Parameters of which an estimator has no derivative, or no ratio to one, and why."""
        hidden = {p for verdict in self.verdicts for _, p in np.argwhere(~verdict.asked)}
        return [f"{self.theta.names[p]}: {self.why_none(p)}" for p in sorted(hidden)]

    def why_none(self, parameter: int) -> str:
        """Return why there is no ratio by a parameter, in words."""
        compared = self.problem.dependence.why_not(self.theta.titles[parameter])
        coarse = self.theta.explain_coarse(parameter, self.step)
        reasons = "; ".join(each for each in (compared, coarse) if each)
        return reasons or "a probability is 0 or 1, where what could happen has no score"

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each estimator, output and parameter, for JSON."""
        found = []
        for verdict in self.verdicts:
            for o, output in enumerate(self.problem.outputs.names):
                for p, parameter in enumerate(self.theta.names):
                    found.append(
                        {
                            "problem": self.problem.name,
                            "estimator": verdict.name,
                            "output": output,
                            "parameter": parameter,
                            "value": _finite(verdict.found.value[o, p]),
                            "standard_error": _finite(verdict.found.error[o, p]),
                            "finite_difference": float(self.truth.value[o, p]),
                            "finite_difference_error": float(self.truth.error[o, p]),
                            "ratio": _finite(verdict.ratio[o, p]),
                            "ratio_error": _finite(verdict.error[o, p]),
                            "sign_agrees": bool(verdict.signs[o, p]),
                            "covers_1": bool(verdict.covers[o, p]),
                            "holds": bool(verdict.holds[o, p]),
                            "why_none": None if verdict.asked[o, p] else self.why_none(p),
                            "seeds": verdict.found.seeds,
                            "seconds": verdict.found.seconds,
                            "finite_difference_seeds": self.truth.seeds,
                            "finite_difference_seconds": self.truth.seconds,
                        }
                    )
        return found


def _finite(value: float) -> float | None:
    """Return a number that JSON knows; none where finite differences are 0."""
    return float(value) if np.isfinite(value) else None


def adaptive(
    estimator: Estimator, problem: ModelProblem, theta: ModelPoint, seeds: range, *, target: float, on_seed: OnSeed
) -> Jacobian:
    """Estimate with more seeds until every relative standard error is small enough, or seeds run out.

    Seeds are doubled from round to round; a first round of two, which compiles, does not count.
    """
    if not estimator.draws:
        return estimator.estimate(problem, theta, seeds[:2], on_seed=on_seed)
    estimator.estimate(problem, theta, seeds[:2])  # compiles, and does not count
    done = min(FIRST, len(seeds))
    parts = [estimator.estimate(problem, theta, seeds[:done], on_seed=on_seed)]
    while done + 1 < len(seeds) and Jacobian.join(parts).relative() > target:
        end = min(2 * done, len(seeds))
        parts.append(estimator.estimate(problem, theta, seeds[done:end], on_seed=on_seed))
        done = end
    return Jacobian.join(parts)


def verify(
    problem: ModelProblem,
    theta: ModelPoint,
    estimators: dict[Estimator, int],
    *,
    first_seed: int,
    target: float,
    on_seed: Callable[[str], None] = lambda name: None,
) -> Verification:
    """Hold estimators against finite differences, which take other seeds.

    Args:
        problem: with its outputs.
        theta: where.
        estimators: with the most seeds that each may take; finite differences among them.
        first_seed: of finite differences; all others start after theirs.
        target: relative standard error at which one stops.
        on_seed: told the estimator's name after each of its seeds.

    Raises:
        ParameterError: finite differences are missing.
    """
    truths = [each for each in estimators if isinstance(each, FiniteDifference)]
    if len(truths) != 1:
        raise ParameterError("seeds must name finite_difference once: the others are held against it")

    def run(estimator: Estimator, begin: int) -> Jacobian:
        seeds = range(begin, begin + estimators[estimator])
        return adaptive(estimator, problem, theta, seeds, target=target, on_seed=lambda: on_seed(estimator.name))

    truth = run(truths[0], first_seed)
    after = first_seed + estimators[truths[0]]
    others, step = [each for each in estimators if each is not truths[0]], truths[0].step
    coarse = [theta.is_coarse(p, step) for p in range(len(theta.names))]
    verdicts = tuple(Verdict.of(each.name, run(each, after), truth, coarse=coarse) for each in others)
    return Verification(problem, theta, truth, target, step, verdicts)
