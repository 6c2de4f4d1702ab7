"""By what all hazards of a step are multiplied, and how that moves with what a gradient says of it beside the model."""

from typing import Final

from protocols.arithmetic.distributions import F64
from protocols.models.gradient import Gradient

REDUCTION: Final = "reduction.share"
PROTECTION: Final = "protection.efficacy"
HazardFactor = tuple[float, tuple[tuple[int, float], ...]]  # its value, and by which parameters it moves, and how
ONE: Final[HazardFactor] = (1.0, ())


def factor_parameters(gradient: Gradient) -> dict[str, str]:
    """Return by the name of each parameter that is of the gradient, and of no model, why it has no derivative."""
    given = {REDUCTION: gradient.reduction, PROTECTION: gradient.protection}
    why = "is of a {}, which the gradient does not describe"
    return {name: why.format(name.split(".")[0]) if part is None else "" for name, part in given.items()}


def hazard_factor(gradient: Gradient, step: int, by: F64 | None = None) -> HazardFactor:
    """Return the factor of a step.

    Args:
        gradient: with a reduction of contacts, a vaccine, or neither.
        step: of the run.
        by: float64[p], by how much parameters differ from the gradient's.
    """
    parts, places = [], {name: place for place, name in enumerate(gradient.parameters)}
    if (reduction := gradient.reduction) and reduction.begin <= step < reduction.end:
        parts.append((places.get(REDUCTION), reduction.share, 1.0))
    if (protection := gradient.protection) and protection.begin <= step:
        parts.append((places.get(PROTECTION), protection.efficacy, protection.coverage))
    value, slopes = ONE[0], dict(ONE[1])
    for place, number, coverage in parts:
        moved = 0.0 if place is None or by is None else float(by[place])
        own = 1.0 - (number + moved) * coverage
        slopes = {at: slope * own for at, slope in slopes.items()}
        if place is not None:
            slopes[place] = -coverage * value
        value *= own
    return value, tuple(sorted(slopes.items()))
