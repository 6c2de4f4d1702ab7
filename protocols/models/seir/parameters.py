"""The table `[model]` of runs that yield tangents or adjoints: its parameters, for the relaxed dynamics."""

import hashlib
from typing import ClassVar, Never, final

import msgspec

from protocols import canonical_json
from protocols.arithmetic import distributions
from protocols.errors import ParameterError


@final
class Seir(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="seir", tag_field="kind"):
    """Parameters, all of them public integers.

    Attributes:
        beta: for each contact channel, hazard per unit of exposure and step, `f` fraction bits.
        cell_beta: hazard per step if everyone in the agent's cell were infectious, `f` fraction bits.
        latent, infectious: laws of days, `d + 1` days with probability `law[d] / 2**32`.
        initial: probability of being infectious at the start, in units of 2**-32.
        f: fraction bits of hazards.
    """

    recurrence: ClassVar[str] = ""  # no agent leaves the first stage more than once
    longest_message: ClassVar[int] = 0

    beta: tuple[int, ...]
    cell_beta: int
    latent: tuple[int, ...]
    infectious: tuple[int, ...]
    initial: int
    f: int

    def __post_init__(self) -> None:
        """Check every value; what arrives in a manifest is not trusted."""
        distributions.check_law(self.latent, "latent")
        distributions.check_law(self.infectious, "infectious")
        if min((*self.beta, self.cell_beta), default=0) < 0:
            raise ParameterError("beta is negative; hazards only grow")
        if not 0 <= self.initial <= distributions.LAW_TOTAL:
            raise ParameterError(f"initial is {self.initial}: it must lie in [0, 2**32]")
        if not 1 <= self.f <= 56:
            raise ParameterError(f"f is {self.f}: it must lie in [1, 56]")

    @property
    def digest(self) -> str:
        """SHA-256 of the parameters."""
        return hashlib.sha256(canonical_json.encode(self)).hexdigest()

    @property
    def stays(self) -> tuple[tuple[int, ...], ...]:
        """Laws of days in the stages between the first and the last."""
        return self.latent, self.infectious

    def check_channels(self, names: tuple[str, ...]) -> None:
        """Refuse a run of another number of contact channels, or of none.

        Raises:
            ParameterError: not one value of beta for each, or no channel.
        """
        if not names:
            raise ParameterError("a run of this model needs at least one contact channel")
        if len(self.beta) != len(names):
            raise ParameterError(f"got {len(self.beta)} values of beta for {len(names)} channels; give one each")

    def require_graph(self, what: str) -> Never:
        """Refuse what is derived from a model's graph.

        Raises:
            ParameterError: always.
        """
        raise ParameterError(
            f"{what} are of a model's graph: a manifest of before tables [model] were graphs needs lpm-secure 0.1.0 as "
            "of commit 0a362e2, or is made anew; of another table ask for tangents or adjoints"
        )
