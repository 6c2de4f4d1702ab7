"""What a manifest says of a run's derivatives: which way, of which parameters, in which fixed point."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal, final

import msgspec

from protocols.arithmetic.fixed_point import prove_no_wrap
from protocols.errors import ParameterError
from protocols.task.gradients.hidden_score import SCALE, check_hidden, is_hidden
from protocols.task.rounds import Schedule

if TYPE_CHECKING:
    from protocols.task.manifest import Manifest

COMMON: Final = ("cell_beta", "latent", "infectious", "initial", "reduction", "efficacy")
HIDDEN_SCORES: Final = (SCALE, "latent", "infectious", "initial")
BETA: Final = "beta."
MAX_BITS: Final = 52  # a float64 has no more
Bits = Annotated[int, msgspec.Meta(ge=1, le=MAX_BITS)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Step = Annotated[int, msgspec.Meta(ge=0, le=2**32)]


@final
class Reduction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Fewer contacts: from step `begin` up to, not including, `end`, hazards are multiplied by `1 - share`."""

    begin: Step
    end: Step
    share: Share


@final
class Protection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A leaky vaccine in expectation: from step `begin` on, hazards are multiplied by `1 - coverage * efficacy`."""

    begin: Step
    coverage: Share
    efficacy: Share


@final
@dataclass(frozen=True, slots=True)
class Turn:
    """What a round of an adjoint run is for: step t, -1 to T on the way forth, T to -1 on the way back.

    In step -1 agents draw nothing and say nothing: forth the initial share is announced, back its derivative is summed.
    """

    forth: bool
    t: int

    @classmethod
    def of(cls, number: int, steps: int) -> "Turn":
        """Return the turn of a round, by its number in the run."""
        place = number % turns(steps)
        return cls(True, place - 1) if place <= steps + 1 else cls(False, 2 * steps + 2 - place)


def turns(steps: int) -> int:
    """Return how many rounds one pass of an adjoint run has."""
    return 2 * steps + 4


@final
class Gradient(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which derivatives a run yields, and how they travel.

    Attributes:
        way: "tangents": relaxed dynamics, p further channels beside every value. "adjoints": relaxed dynamics, T + 2
            rounds forward, then T + 2 backward. "score": the discrete dynamics, one p-vector at the end.
        parameters: their names, p of them, in order: `beta.CHANNEL`, cell_beta, latent, infectious (means, in steps),
            initial, reduction, efficacy. With scores in outcome mode: scale (a common factor of all hazards), latent,
            infectious, initial. None for adjoints, which are of every hazard in every step.
        value_bits: fraction bits of relaxed messages, cell totals and tallies.
        tangent_bits: fraction bits of tangents, adjoints and scores.
        clip: largest absolute derivative that one agent, the unit of privacy here, adds to any sum; for adjoints in
            units of the largest one that the engine has announced.
        passes: how often an adjoint run goes forward and backward.
        latent_slope, infectious_slope: for scores, by how much each weight of the law (in units of 2**-32) changes with
            the law's mean.
        largest_hazard: in one step, of one agent; where aggregators add up scores, clients refuse data that exceed it.
        reduction, protection: of the relaxed dynamics.
    """

    way: Literal["tangents", "adjoints", "score"]
    parameters: tuple[str, ...] = ()
    value_bits: Bits = 32
    tangent_bits: Bits = 24
    clip: Annotated[float, msgspec.Meta(gt=0, le=2**40)] = 1024.0
    passes: Annotated[int, msgspec.Meta(ge=1, le=2**20)] = 1
    latent_slope: tuple[float, ...] = ()
    infectious_slope: tuple[float, ...] = ()
    largest_hazard: Annotated[float, msgspec.Meta(gt=0, le=64)] = 4.0
    reduction: Reduction | None = None
    protection: Protection | None = None

    @property
    def p(self) -> int:
        """Number of parameters."""
        return len(self.parameters)

    @property
    def relaxed(self) -> bool:
        """Whether the run is of the relaxed dynamics, so that agents are probabilities."""
        return self.way != "score"

    def schedule(self, steps: int, *, outcome: bool) -> Schedule:
        """Return the order of rounds: that of the mode, or for relaxed runs of sums alone, adjoints with a way back."""
        if not self.relaxed:
            return Schedule(outcome, steps)
        return Schedule(False, self.passes * turns(steps) - 1 if self.way == "adjoints" else steps)

    def check(self, manifest: "Manifest") -> None:
        """Refuse what contradicts the manifest, what a mode cannot give, and what could wrap.

        Raises:
            ParameterError: with a line that says which mode or which way can.
            WouldWrap: a total could reach 2**63.
        """
        _check_names(self, manifest)
        manifest.model.require_lasting("derivatives")
        if manifest.min_cohort < 2:
            raise ParameterError(
                f"min_cohort is {manifest.min_cohort}; gradients are summed over at least 2 clients: set it higher"
            )
        holders = sum(1 for client in manifest.clients if client.agents)
        if holders < manifest.min_cohort:
            raise ParameterError(
                f"{holders} clients have agents, and a gradient is summed over at least min_cohort of those, "
                f"{manifest.min_cohort}: leave the gradient out"
            )
        if manifest.min_count:
            raise ParameterError(
                f"min_count is {manifest.min_count}: small counts are sealed in runs without derivatives, "
                "for none would be right beside a sealed count; leave min_count or the gradient out"
            )
        if self.relaxed and manifest.mode == "outcome" and any(manifest.model.beta):
            raise ParameterError(
                f"outcome mode tells no client its exposure, so contacts carry no {self.way}: "
                'ask for mode "sum", for way "score", or for a model that couples through cells alone (beta 0)'
            )
        if self.way == "adjoints" and not manifest.engine:
            raise ParameterError("adjoints start at the engine, and the run has none; set engine, or ask for tangents")
        if is_hidden(manifest):
            check_hidden(manifest)
        self._prove(manifest)

    def _prove(self, manifest: "Manifest") -> None:
        n = sum(len(client.agents) for client in manifest.clients)
        unit = round(self.clip * 2.0**self.tangent_bits)
        if not self.relaxed:
            prove_no_wrap({"the scores of all agents": n * unit})
            return
        people = max(n * manifest.max_message, n + max(manifest.cells, default=0))
        prove_no_wrap({"the messages of all agents": people << self.value_bits})
        prove_no_wrap({"the derivatives of all agents": people * unit})


def _check_names(gradient: Gradient, manifest: "Manifest") -> None:
    """Refuse parameters that are not there, twice there, or of no effect."""
    names = gradient.parameters
    hidden = gradient.way == "score" and manifest.mode == "outcome"
    common = COMMON[:4] if gradient.way == "score" else COMMON
    known = HIDDEN_SCORES if hidden else (*(BETA + channel for channel in manifest.channels), *common)
    unknown = [name for name in names if name not in known]
    if unknown:
        other = "; sum mode tells channels apart" if hidden else ""
        raise ParameterError(f"no derivative by {unknown[0]} here: there are {', '.join(known)}{other}")
    if len(set(names)) != len(names) or bool(names) == (gradient.way == "adjoints"):
        raise ParameterError(f"got the parameters {list(names)}; name each once, and none for adjoints")
    if gradient.way == "score" and (gradient.reduction or gradient.protection):
        raise ParameterError("reduction and protection are of the relaxed dynamics; leave them out for scores")
    if gradient.way == "score" and "cell_beta" in names and not manifest.model.cell_beta:
        raise ParameterError("cell_beta is 0, and its score is known only where it is not; raise it, or leave it out")
    for name, given in (("reduction", gradient.reduction), ("efficacy", gradient.protection)):
        if name in names and given is None:
            raise ParameterError(f"the run has no {name} to take a derivative by; describe it in the gradient")
    for name, law, slope in (
        ("latent", manifest.model.latent, gradient.latent_slope),
        ("infectious", manifest.model.infectious, gradient.infectious_slope),
    ):
        if gradient.way == "score" and name in names and len(slope) != len(law):
            raise ParameterError(f"{name}_slope has {len(slope)} numbers, and the law {len(law)}; give one each")
