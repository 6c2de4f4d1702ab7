"""The relaxed S-E-I-R epidemic: agents are in every stage with a probability, and everything has derivatives.

    new_i = s_i (1 - exp(-h_i)),     h_i = S_i / n_i (1 - r) (1 - v eta) (sum_c beta_c X_ic + beta_cell y_i)
    s_i -= new_i,     e_i += new_i - e_i / latent,     i_i += e_i / latent - i_i / infectious

The hazard is that of Eq. 8 of Chopra 2025 (arXiv 2507.09901) with expected messages in place of messages, and stays are
geometric, with the means of the discrete laws. It is biased against the discrete epidemic, which it is no oracle of.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.errors import ParameterError
from protocols.models.dual import Dual, Number
from protocols.models.escape import escape
from protocols.models.substep import Array
from protocols.task.gradients.spec import BETA, COMMON, Gradient

if TYPE_CHECKING:
    from protocols.task.manifest import Manifest

F64 = npt.NDArray[np.float64]
Stages = tuple[Number, Number, Number]  # susceptible, exposed, infectious
STAGES: Final = 4


@final
@dataclass(frozen=True, slots=True, eq=False)
class Theta:
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
    def of(cls, numbers: "tuple[Number, ...] | list[Number]") -> "Theta":
        """Return the parameters from their values in the order of `names`."""
        beta, common = tuple(numbers[: -len(COMMON)]), numbers[-len(COMMON) :]
        return cls(beta, common[0], common[1], common[2], common[3], common[4], common[5])

    @classmethod
    def duals(cls, manifest: "Manifest", parameters: tuple[str, ...]) -> "Theta":
        """Return the manifest's values with a tangent for each of the parameters that are named."""
        numbers: list[Number] = []
        for name, value in zip(names(manifest), values(manifest), strict=True):
            direction = np.array([[1.0 if name == parameter else 0.0] for parameter in parameters])
            numbers.append(Dual(np.array([value]), direction.reshape(len(parameters), 1)))
        return cls.of(numbers)


def asked(manifest: "Manifest") -> Gradient:
    """Return what the manifest says of derivatives.

    Raises:
        ParameterError: it asks for none.
    """
    if manifest.gradient is None:
        raise ParameterError("the manifest asks for no gradient; name one in it")
    return manifest.gradient


def names(manifest: "Manifest") -> tuple[str, ...]:
    """Return the names of all parameters of the relaxed dynamics, in order."""
    return (*(BETA + channel for channel in manifest.channels), *COMMON)


def values(manifest: "Manifest") -> F64:
    """Return the manifest's value of each parameter, float64[c + 6]."""
    model, gradient = manifest.model, manifest.gradient
    unit = 2.0**-model.f
    means = [sum((day + 1) * weight for day, weight in enumerate(law)) / LAW_TOTAL for law in _laws(manifest)]
    reduction = gradient.reduction.share if gradient and gradient.reduction else 0.0
    efficacy = gradient.protection.efficacy if gradient and gradient.protection else 0.0
    rates = [*(beta * unit for beta in model.beta), model.cell_beta * unit]
    return np.array([*rates, *means, model.initial / LAW_TOTAL, reduction, efficacy])


def _laws(manifest: "Manifest") -> tuple[tuple[int, ...], tuple[int, ...]]:
    return manifest.model.latent, manifest.model.infectious


def begin(theta: Theta, ones: F64) -> Stages:
    """Return the stages at the start, for as many agents as there are ones."""
    ill = theta.initial * ones
    return 1.0 - ill, ill * 0.0, ill


def factor(manifest: "Manifest", theta: Theta, step: int) -> Number:
    """Return by what reduction and protection multiply all hazards of a step."""
    found: Number = 1.0
    given = manifest.gradient
    if given and given.reduction and given.reduction.begin <= step < given.reduction.end:
        found = found * (1.0 - theta.reduction)
    if given and given.protection and given.protection.begin <= step:
        found = found * (1.0 - theta.efficacy * given.protection.coverage)
    return found


def advance(
    stages: Stages,
    *,
    contact: list[Number],
    cell: Number | None,
    susceptibility: Array,
    theta: Theta,
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
