"""The configuration of `lpm verify-gradients` and `lpm sensitivity`: TOML into frozen types."""

from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec

from lpm_secure.analysis.sensitivity.model_config import ModelProblemConfig, Seeds, of_run
from lpm_secure.config import simulation
from lpm_secure.config.bounds import Days, Positive, Rate
from lpm_secure.gradients.problem.theta import Point
from protocols.errors import ConfigError
from protocols.identity.trust import Name
from protocols.toml_file import load_config, read_tables

Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Window = tuple[Annotated[int, msgspec.Meta(ge=0)], Positive]
LARGEST_HISTORY: Final = 2 * 10**8  # agent-steps, 8 bytes each and thread
NAMES = Literal["finite_difference", "coupled", "score", "perturbation", "mean_field", "gumbel", "smoothed"]


@final
class ThetaConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where derivatives are taken; `lpm_secure.gradients.problem.theta` says what each is."""

    beta: Rate
    latent: Days
    infectious: Days
    initial: Share
    reduction: Share
    efficacy: Share

    def theta(self) -> Point:
        """Return the point."""
        return Point(*(getattr(self, name) for name in self.__struct_fields__))


@final
class ProblemConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A population and its epidemic.

    Attributes:
        population: "homogeneous": everybody has `degree` contacts; "workplace": the measured contacts; "city": a part
            of the synthetic city.
        agents: how many, of the homogeneous graph or the city.
        folder: a population built before, for the city; without it one is built.
        exposure: of the city: for each setting, what an agent hears if all its contacts there are infectious.
        steps: T, of `dt` days each.
        latent_sd, infectious_sd: of the stays, days.
        reduction_from: the step from which on contacts are reduced.
        vaccinated: part of the agents, drawn once.
        hospital: part of infectious days that are hospital days: one number, or one for each group.
        peak_width: part of the agents; a day's infectious agents weigh in the peak as exp(part / peak_width).
        seeds: for each estimator that is to run, how many runs at most.
        windows: of `lpm sensitivity`, first step and the one past the last; the whole run where empty.
        sensitivity_seeds: runs of `lpm sensitivity`.
    """

    name: Name
    population: Literal["homogeneous", "workplace", "city"]
    agents: Annotated[int, msgspec.Meta(ge=3, le=10**7)] = 10_000
    degree: Annotated[int, msgspec.Meta(ge=2, le=1_000)] = 10
    folder: str | None = None
    exposure: dict[str, Rate] = {}
    steps: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    dt: Days = 1.0
    theta: ThetaConfig
    latent_sd: Days
    infectious_sd: Days
    reduction_from: Annotated[int, msgspec.Meta(ge=0)]
    vaccinated: Share
    hospital: tuple[Share, ...]
    peak_width: Annotated[float, msgspec.Meta(ge=1e-6, le=1.0)]
    seeds: dict[NAMES, Seeds]
    windows: tuple[Window, ...] = ()
    sensitivity_seeds: Seeds = 200

    def __post_init__(self) -> None:
        """Check that the history of a run fits into memory.

        Raises:
            ConfigError: it has more than 2 * 10**8 numbers.
        """
        if self.agents * self.steps > LARGEST_HISTORY:
            raise ConfigError(
                f"{self.name}: {self.agents:,} agents over {self.steps} steps; at most {LARGEST_HISTORY:,} agent-steps "
                "fit into memory, so take fewer"
            )


@final
class GradientsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is verified.

    Attributes:
        seed: of populations and vaccinations; runs have the seeds from `first_seed` on.
        relative_error: standard error at which an estimator stops, as a part of every derivative.
        difference: half the distance of finite differences, as a part of a parameter's length.
        problem: of the epidemic that is written by hand.
        model: of any model, by its name.

    Raises:
        ConfigError: neither a problem nor a model.
    """

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 1
    first_seed: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    relative_error: Annotated[float, msgspec.Meta(ge=1e-4, le=1.0)] = 0.02
    difference: Annotated[float, msgspec.Meta(ge=1e-3, le=0.5)] = 0.05
    problem: tuple[ProblemConfig, ...] = ()
    model: tuple[ModelProblemConfig, ...] = ()

    def __post_init__(self) -> None:
        """Check that there is something to estimate."""
        if not self.all:
            raise ConfigError("there is no [[problem]] and no [[model]]; give at least one")

    @property
    def all(self) -> tuple[ProblemConfig | ModelProblemConfig, ...]:
        """Return all problems, in order."""
        return *self.problem, *self.model

    def problem_of(self, name: str | None) -> ProblemConfig | ModelProblemConfig:
        """Return a problem by its name, or the first.

        Raises:
            ConfigError: there is none of that name.
        """
        for each in self.all:
            if name in (None, each.name):
                return each
        raise ConfigError(f"no problem {name}; there are {', '.join(each.name for each in self.all)}")


def load(path: Path) -> GradientsConfig:
    """Read a configuration: of gradients, or of a run of a model by its name.

    Raises:
        ConfigError: one line that says what was got, what is allowed, and what to do.
    """
    if isinstance(read_tables(path).get("model"), str):
        run = simulation.load(path)
        return GradientsConfig(seed=run.seed, model=(of_run(run, path),))
    return load_config(path, GradientsConfig)


def config_of(model: str) -> GradientsConfig:
    """Return the configuration of a model by its name alone, among drawn people."""
    letters = "".join(letter if letter.isalnum() else "-" for letter in model.rpartition(":")[2].lower())
    return GradientsConfig(model=(ModelProblemConfig(name=letters, model=model),), relative_error=0.05)
