"""The tables `[fit]`, `[assimilation]` and `[amortised]` of a calibration."""

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


@final
class AmortisedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How `lpm amortise` trains.

    Attributes:
        rounds: each: simulations, a sum of embeddings, a sum of gradients, a step.
        simulations: made in each round.
        first_period: a posterior can be asked for after so many periods at the earliest.
        rate: of the steps, at the beginning.
        hidden: width of the institutions' encoder.
        embedding: how many numbers an institution tells for each place.
        context: length of what the flow reads.
        clip: largest norm of an institution's gradient by the encoder's weights in a round.
        hidden_values: bounds of values that sources hide, in simulated series; nothing is hidden without.
        check_rounds: of further simulations, which say whether the posterior is calibrated.
        checkpoint_rounds: between two checkpoints.
    """

    rounds: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 2500
    simulations: Annotated[int, msgspec.Meta(ge=2, le=4096)] = 128
    first_period: Annotated[int, msgspec.Meta(ge=1, le=1040)] = 4
    rate: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 2e-3
    hidden: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 64
    embedding: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 24
    context: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 64
    clip: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 10.0
    hidden_values: tuple[float, float] | None = None
    check_rounds: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 8
    checkpoint_rounds: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 100
