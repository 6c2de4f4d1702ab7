"""`[gradient]` of a run's configuration: which derivatives the run yields, and how they travel."""

from typing import Annotated, Literal, final

import msgspec

from protocols.models.gradient import Bits, HazardReduction, LeakyVaccine


@final
class GradientConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Derivatives of a run with private clients; docs/private_gradients.md tells which to take.

    Attributes:
        way: "tangents": of all expected stage counts and observables on all days. "adjoints": of the same on the last
            day, by one pass forth and back for each. "score": of what all agents of the discrete run drew,
            one vector.
        parameters: of the table `[model]` its keys, of which docs/private_gradients.md says which each way takes; rates
            are per step, stays in steps. All for adjoints of the table where none are named. Of a model by name its
            author's names; a table stands for all of its entries; and `reduction.share`, `protection.efficacy`.
        clip: the most that one agent adds to any sum, either way.
        value_bits, tangent_bits: fraction bits of values and derivatives. What is not given is as the way needs it.
        largest_hazard: in one step, of one agent; for scores in outcome mode.
        stays: of the relaxed dynamics: "exact", by their laws, or "geometric", as those of compartments with the same
            means. What is not given is geometric of the table `[model]`, and exact of a model by name.
        reduction, protection: of the relaxed dynamics.
    """

    way: Literal["tangents", "adjoints", "score"]
    parameters: tuple[str, ...] = ()
    clip: Annotated[float, msgspec.Meta(gt=0, le=2**40)] | None = None
    value_bits: Bits | None = None
    tangent_bits: Bits | None = None
    largest_hazard: Annotated[float, msgspec.Meta(gt=0, le=64)] | None = None
    stays: Literal["exact", "geometric"] | None = None
    reduction: HazardReduction | None = None
    protection: LeakyVaccine | None = None
