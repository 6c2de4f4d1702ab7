"""The relaxed S-E-I-R epidemic: agents are in every stage with a probability, and everything has derivatives.

    new_i = s_i (1 - exp(-h_i)),     h_i = S_i / n_i (1 - r) (1 - v eta) (sum_c beta_c X_ic + beta_cell y_i)
    s_i -= new_i,     e_i += new_i - e_i / latent,     i_i += e_i / latent - i_i / infectious

The hazard is that of Eq. 8 of Chopra 2025 (arXiv 2507.09901) with expected messages in place of messages, and stays are
geometric, with the means of the discrete laws. It is biased against the discrete epidemic, which it is no oracle of.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models.dual import Dual, Number
from protocols.models.escape import escape
from protocols.models.gradient import BETA, COMMON, Gradient
from protocols.models.seir.parameters import Seir
from protocols.models.state import Array

F64 = npt.NDArray[np.float64]
Stages = tuple[Number, Number, Number]  # susceptible, exposed, infectious
STAGES: Final = 4


@final
@dataclass(frozen=True, slots=True, eq=False)
class RelaxedParameters:
    """Parameters, each a number, a dual or a tensor; rates are per step.

    Attributes:
        beta: for each channel, hazard per unit of exposure.
        cell_beta: hazard if everybody in the agent's cell were infectious.
        latent, infectious: mean stays, in steps.
        initial: probability of being infectious at the start.
        reduction: share of contacts that do not take place.
        efficacy: of the vaccine.
    """

    beta: tuple[Number, ...]
    cell_beta: Number
    latent: Number
    infectious: Number
    initial: Number
    reduction: Number
    efficacy: Number

    @classmethod
    def of(cls, numbers: "tuple[Number, ...] | list[Number]") -> "RelaxedParameters":
        """Return the parameters from their values in the order of `names`."""
        beta, common = tuple(numbers[: -len(COMMON)]), numbers[-len(COMMON) :]
        return cls(beta, common[0], common[1], common[2], common[3], common[4], common[5])

    @classmethod
    def duals(cls, model: Seir, gradient: Gradient, channels: tuple[str, ...]) -> "RelaxedParameters":
        """Return the run's values with a tangent for each of the parameters that the gradient names."""
        numbers: list[Number] = []
        for name, value in zip(names(channels), values(model, gradient), strict=True):
            direction = np.array([[1.0 if name == parameter else 0.0] for parameter in gradient.parameters])
            numbers.append(Dual(np.array([value]), direction.reshape(gradient.p, 1)))
        return cls.of(numbers)


def names(channels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of all parameters of the relaxed dynamics, in order."""
    return (*(BETA + channel for channel in channels), *COMMON)


def values(model: Seir, gradient: Gradient | None) -> F64:
    """Return the value of each parameter, float64[c + 6]: of the model, and of what the gradient says beside it."""
    unit, laws = 2.0**-model.f, (model.latent, model.infectious)
    means = [sum((day + 1) * weight for day, weight in enumerate(law)) / LAW_TOTAL for law in laws]
    reduction = gradient.reduction.share if gradient and gradient.reduction else 0.0
    efficacy = gradient.protection.efficacy if gradient and gradient.protection else 0.0
    rates = [*(beta * unit for beta in model.beta), model.cell_beta * unit]
    return np.array([*rates, *means, model.initial / LAW_TOTAL, reduction, efficacy])


def begin(theta: RelaxedParameters, ones: F64) -> Stages:
    """Return the stages at the start, for as many agents as there are ones."""
    ill = theta.initial * ones
    return 1.0 - ill, ill * 0.0, ill


def factor(gradient: Gradient | None, theta: RelaxedParameters, step: int) -> Number:
    """Return by what reduction and protection multiply all hazards of a step."""
    product: Number = 1.0
    if gradient and gradient.reduction and gradient.reduction.begin <= step < gradient.reduction.end:
        product = product * (1.0 - theta.reduction)
    if gradient and gradient.protection and gradient.protection.begin <= step:
        product = product * (1.0 - theta.efficacy * gradient.protection.coverage)
    return product


def advance(
    stages: Stages,
    *,
    contact: list[Number],
    cell: Number | None,
    susceptibility: Array,
    theta: RelaxedParameters,
    factor: Number,
    escape: Callable[[Number], Number] = escape,
) -> Stages:
    """Return the stages one step later.

    Args:
        stages: of n agents.
        contact: for each channel, each agent's exposure [n]; none where contacts do not count.
        cell: which share of the agent's cell is infectious, [n]; None without cells.
        susceptibility: [n], S_i / n_i of Eq. 8.
        theta: parameters.
        factor: of all hazards.
        escape: `1 - exp(-h)`, of whatever computes here.
    """
    s, e, i = stages
    hazard: Number = 0.0
    for beta, exposure in zip(theta.beta, contact, strict=False):
        hazard = exposure * beta + hazard
    if cell is not None:
        hazard = cell * theta.cell_beta + hazard
    new = s * escape(hazard * factor * susceptibility) if contact or cell is not None else s * 0.0
    ends, recovers = e * (1.0 / theta.latent), i * (1.0 / theta.infectious)
    return s - new, e - ends + new, i - recovers + ends
