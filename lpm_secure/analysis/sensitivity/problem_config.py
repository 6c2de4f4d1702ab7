"""A model among simulated people, or a run's own, as a problem of gradients."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, final

import msgspec

from lpm_secure.config.bounds import Rate
from lpm_secure.config.laws import Delay
from lpm_secure.models.axes import Value
from protocols.errors import ConfigError
from protocols.identity.trust import Name

Seeds = Annotated[int, msgspec.Meta(ge=2, le=10**7)]
MAX_STEPS: Final = 1_000
STEPS: Final = 20
Step = Annotated[int, msgspec.Meta(ge=0, le=MAX_STEPS)]
Named = Literal["finite_difference", "coupled", "score", "relaxed"]
STANDARD: Final[dict[Named, Seeds]] = {"finite_difference": 2_000, "coupled": 1_000, "score": 8_000, "relaxed": 2}
LARGEST_RUN: Final = 5 * 10**7  # agent-steps, of which several numbers are kept each


@final
class SeriesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A number of a run: a series' mean per agent, and over a window of steps; or the step of its soft peak.

    Attributes:
        series: a stage, or an observable, as a run's series calls it.
        first, last: the window, both included; the end alone unless given, and of a peak the whole run.
        peak: not the mean but the soft peak, in steps: each counts by exp(its number per agent / peak), so that 0.01
            tells steps apart in which the series differs by a hundredth of the agents.
    """

    series: str
    first: Step | None = None
    last: Step | None = None
    peak: Annotated[float, msgspec.Meta(ge=1e-6, le=1e6)] | None = None


@final
class ProblemConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model among people.

    Attributes:
        name: for reports.
        model: `package.module:Class`, or a name of the library; or else
        run: the configuration of a run, beside this one, whose model, parameters, steps and people these are.
        parameters: in its author's units; defaults stand in the model.
        laws: of parameters that are laws of days, a gamma distribution in their place: then derivatives are by its mean
            at that standard deviation. The others move by tilting.
        population: "drawn": each agent draws contacts of its own; "homogeneous": everybody has the same number;
            "workplace": the measured ones; "look_alike": generated ones like them; "city": a part of the synthetic
            city, homes whole, with contacts drawn elsewhere. A contact counts on every channel of the model.
        agents, degree: how many, and the mean number of contacts, of drawn people; the agents of a city too.
        folder: a population built before, for the city; without it one is built.
        exposure: of the city: for each setting, the sum of the weights of an agent's contacts there, about.
        cells: how many cells people mix in, where the model has any.
        columns: of private columns, between which two numbers each value is drawn; all of the range unless given. Those
            that a city has by the same name are its own.
        environment: of a model that hears public numbers, who says them, as a run's configuration has it.
        steps: T; 20 unless given, or those of the run.
        outputs: what is asked for; every series at the end unless given.
        only: parameters that derivatives are taken by; all unless given.
        seeds: for each estimator that is to run, how many runs at most; "relaxed" draws nothing, and runs once.
        sensitivity_seeds: runs of `lpm sensitivity`.
    """

    name: Name
    model: str | None = None
    run: str | None = None
    parameters: dict[str, Value] = {}
    laws: dict[str, Delay] = {}
    population: Literal["drawn", "homogeneous", "workplace", "look_alike", "city"] = "drawn"
    agents: Annotated[int, msgspec.Meta(ge=3, le=10**7)] = 200
    degree: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 6
    folder: str | None = None
    exposure: dict[str, Rate] = {}
    cells: Annotated[int, msgspec.Meta(ge=1, le=10**6)] = 4
    columns: dict[str, tuple[int, int]] = {}
    environment: dict[str, Any] = {}
    steps: Annotated[int, msgspec.Meta(ge=1, le=MAX_STEPS)] | None = None
    outputs: tuple[SeriesConfig, ...] = ()
    only: tuple[str, ...] = ()
    seeds: dict[Named, Seeds] = msgspec.field(default_factory=STANDARD.copy)
    sensitivity_seeds: Seeds = 200

    def __post_init__(self) -> None:
        """Check what types alone cannot.

        Raises:
            ConfigError: it has no model, or that of a run beside one of its own; or its history would not fit.
        """
        if (self.model is None) == (self.run is None):
            raise ConfigError(f'{self.name} has either a model, such as model = "opinion", or run = "run.toml"')
        if self.run is not None and (self.parameters or self.laws or self.columns or self.environment):
            raise ConfigError(
                f"{self.name}: parameters, laws, columns and environment are those of {self.run}; change them there"
            )
        self.check_size(self.agents, self.steps or STEPS)

    def check_size(self, agents: int, steps: int) -> None:
        """Check that the history of a run fits into memory.

        Raises:
            ConfigError: it has more than 5 * 10**7 agent-steps, or more than 1,000 steps.
        """
        if agents * steps > LARGEST_RUN or steps > MAX_STEPS:
            raise ConfigError(
                f"{self.name}: {agents:,} agents over {steps:,} steps; at most {LARGEST_RUN:,} agent-steps and "
                f"{MAX_STEPS:,} steps fit into memory, so take fewer"
            )

    def beside(self, folder: Path) -> Self:
        """Return it with its paths from a folder."""
        paths = {name: str(folder / path) for name in ("run", "folder") if (path := getattr(self, name)) is not None}
        return msgspec.structs.replace(self, **paths)
