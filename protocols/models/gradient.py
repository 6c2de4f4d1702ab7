"""Which derivatives of a model a run yields: which way, by which parameters, in which fixed point."""

from typing import Annotated, Final, Literal, final

import msgspec
import numpy as np

from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64

FACTOR: Final = (
    "scale."  # before the name of an outcome: the parameter by which all that raises its level is multiplied
)
RELAXED: Final = ("value_bits", "stays", "reduction", "protection")
OF_TANGENTS: Final = ("way", "parameters", "tangent_bits", "clip", *RELAXED)
OF_SCORES: Final = ("way", "parameters", "tangent_bits", "clip", "slopes", "largest_hazard")
MAX_BITS: Final = 52  # a float64 has no more
Bits = Annotated[int, msgspec.Meta(ge=1, le=MAX_BITS)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Day = Annotated[int, msgspec.Meta(ge=0, le=2**32)]


@final
class HazardReduction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Fewer contacts: from step `begin` up to, not including, `end`, hazards are multiplied by `1 - share`."""

    begin: Day
    end: Day
    share: Share


@final
class LeakyVaccine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A leaky vaccine in expectation: from step `begin` on, hazards are multiplied by `1 - coverage * efficacy`."""

    begin: Day
    coverage: Share
    efficacy: Share


@final
class Gradient(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which derivatives a run yields, and how they travel.

    Attributes:
        way: "tangents": relaxed dynamics, p further channels beside every value. "adjoints": relaxed dynamics, T + 2
            rounds forward, then T + 2 backward. "score": the discrete dynamics, one p-vector at the end.
        parameters: their names, p of them, in order: their author's names, entries of tables as `name[entry]`; for
            scores in outcome mode `scale.OUTCOME`, a common factor of all that raises a level; of relaxed dynamics
            `reduction.share` and `protection.efficacy`, where there are these.
        value_bits: fraction bits of relaxed messages, cell totals and tallies.
        tangent_bits: fraction bits of tangents, adjoints and scores.
        clip: largest absolute derivative that one agent, the unit of privacy here, adds to any sum; for adjoints in
            units of the largest one that the engine has announced.
        passes: how often an adjoint run goes forward and backward.
        slopes: for scores, by how much each weight of a law of days (in units of 2**-32) changes with its mean, by the
            law's name among the parameters; laws that are not here move by tilting.
        largest_hazard: in one step, of one agent; where aggregators add up scores, clients refuse data that exceed it.
        stays: of relaxed dynamics: those of compartments, with the means of their laws and no memory; unset, as long as
            their laws of days say.
        reduction, protection: of relaxed dynamics: by what the hazards of all outcomes are multiplied.
    """

    way: Literal["tangents", "adjoints", "score"]
    parameters: tuple[str, ...] = ()
    value_bits: Bits = 32
    tangent_bits: Bits = 24
    clip: Annotated[float, msgspec.Meta(gt=0, le=2**40)] = 1024.0
    passes: Annotated[int, msgspec.Meta(ge=1, le=2**20)] = 1
    slopes: dict[str, tuple[float, ...]] = {}
    largest_hazard: Annotated[float, msgspec.Meta(gt=0, le=64)] = 4.0
    stays: Literal["geometric"] | msgspec.UnsetType = msgspec.UNSET  # unset, it is not encoded
    reduction: HazardReduction | None = None
    protection: LeakyVaccine | None = None

    @property
    def p(self) -> int:
        """Number of parameters."""
        return len(self.parameters)

    @property
    def width(self) -> int:
        """Numbers side by side for each one of relaxed agents: its value, and its derivative by each parameter."""
        return 1 + self.p

    @property
    def factors(self) -> dict[str, int]:
        """Outcomes of whose levels aggregators add up the score by a common factor, and its place among parameters."""
        places = enumerate(self.parameters if self.way == "score" else ())
        return {name.removeprefix(FACTOR): place for place, name in places if name.startswith(FACTOR)}

    @property
    def geometric(self) -> bool:
        """Whether stays have no memory."""
        return self.stays is not msgspec.UNSET

    @property
    def relaxed(self) -> bool:
        """Whether the run is of the relaxed dynamics, so that agents are probabilities."""
        return self.way != "score"

    @property
    def clip_word(self) -> int:
        """The largest word that one agent adds to a sum, either way: `clip` in fixed point."""
        return round(self.clip * 2.0**self.tangent_bits)

    def units(self, value: float, derivative: float) -> tuple[int, ...]:
        """Return a value and derivatives by each parameter in words of tangents, 1 + p of them, at least 1."""
        bits = (self.value_bits, *[self.tangent_bits] * self.p)
        each = zip((value, *[derivative] * self.p), bits, strict=True)
        return tuple(max(round(number * 2**at), 1) for number, at in each)

    def encode(self, each: F64) -> I64:
        """Return int64[p], the sums of agents' own scores, float64[p, n]: each clipped, in fixed point."""
        total: I64 = np.rint(self.clip_numbers(each) * 2.0**self.tangent_bits).astype(np.int64).sum(axis=1)
        return total

    def clip_numbers(self, each: F64) -> F64:
        """Return derivatives of agents within the clip; one that is no number, which clips as none, is 0."""
        return np.nan_to_num(np.clip(each, -self.clip, self.clip))
