"""The section `[amortised]` of a calibration's configuration."""

from typing import Annotated, final

import msgspec

from lpm_secure.calibration.amortisation.posterior import Training


@final
class AmortisedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How `lpm amortise` trains.

    Attributes:
        rounds: each: simulated epidemics, a sum of embeddings, a sum of gradients, a step.
        epidemics: simulated in each round.
        first_week: a posterior can be asked for after so many weeks at the earliest.
        rate: of the steps, at the beginning.
        hidden: width of the hospitals' encoder.
        embedding: how many numbers a hospital tells for each borough.
        context: length of what the flow reads.
        clip: largest norm of a hospital's gradient by the encoder's weights in a round.
        check_rounds: of further simulated epidemics, which say whether the posterior is calibrated.
        checkpoint_rounds: between two checkpoints.
    """

    rounds: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 2500
    epidemics: Annotated[int, msgspec.Meta(ge=2, le=4096)] = 128
    first_week: Annotated[int, msgspec.Meta(ge=1, le=104)] = 4
    rate: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 2e-3
    hidden: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 64
    embedding: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 24
    context: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 64
    clip: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 10.0
    check_rounds: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 8
    checkpoint_rounds: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 100

    def training(self, seed: int) -> Training:
        """Return what it asks for."""
        return Training(
            self.rounds, self.epidemics, self.first_week, self.rate, self.hidden, self.embedding, self.context, seed
        )
