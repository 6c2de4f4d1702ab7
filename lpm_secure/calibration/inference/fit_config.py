"""The tables `[fit]` and `[assimilation]` of a calibration."""

from typing import Annotated, final

import msgspec


@final
class FitConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the posterior is fitted.

    Attributes:
        rounds: of draws, gradients and a step.
        draws: of the posterior in each round.
        rate: of the steps, at the beginning.
        weight: of the likelihood beside the prior: 1 is Bayes, less is more careful.
        local_steps: that an institution takes on its own parameters in each round.
        checkpoint_rounds: between two checkpoints.
    """

    rounds: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 600
    draws: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.02
    weight: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    local_steps: Annotated[int, msgspec.Meta(ge=0, le=100)] = 2
    checkpoint_rounds: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 50


@final
class AssimilationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a posterior follows new periods.

    Attributes:
        rounds: of a fit that goes on from the one before.
        rate: of its steps, at the beginning.
    """

    rounds: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 60
    rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.02
