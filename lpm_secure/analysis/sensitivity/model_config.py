"""A model by its name as a problem of gradients: in a configuration of gradients, of a run, or by its name alone."""

from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec

from lpm_secure.config.laws import Delay
from lpm_secure.config.simulation import Config
from lpm_secure.models.axes import Value
from protocols.errors import ConfigError
from protocols.identity.trust import Name

Seeds = Annotated[int, msgspec.Meta(ge=2, le=10**7)]
MAX_STEPS: Final = 1_000
Step = Annotated[int, msgspec.Meta(ge=0, le=MAX_STEPS)]
Named = Literal["finite_difference", "coupled", "score", "relaxed"]
STANDARD: Final[dict[Named, Seeds]] = {"finite_difference": 2_000, "coupled": 1_000, "score": 8_000, "relaxed": 2}
LARGEST_RUN: Final = 5 * 10**7  # agent-steps, of which several numbers are kept each


@final
class SeriesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A number of a run: a series' mean per agent, and over a window of steps.

    Attributes:
        series: a stage, or an observable, as a run's series calls it.
        first, last: the window, both included; the end alone unless given.
    """

    series: str
    first: Step | None = None
    last: Step | None = None


@final
class ModelProblemConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model among simulated people.

    Attributes:
        name: for reports.
        model: `package.module:Class`, or a name of the library.
        parameters: in its author's units; defaults stand in the model.
        laws: of parameters that are laws of days, a gamma distribution in their place: then derivatives are by its mean
            at that standard deviation. The others move by tilting.
        population: "drawn": each agent draws contacts of its own; "workplace": the measured ones; "look_alike":
            generated ones like them. A contact counts on every channel of the model.
        agents, degree: how many, and the mean number of contacts, of drawn people.
        cells: how many cells people mix in, where the model has any.
        columns: of private columns, between which two numbers each value is drawn; all of the range unless given.
        steps: T.
        outputs: what is asked for; every series at the end unless given.
        only: parameters that derivatives are taken by; all unless given.
        seeds: for each estimator that is to run, how many runs at most; "relaxed" draws nothing, and runs once.
        sensitivity_seeds: runs of `lpm sensitivity`.
    """

    name: Name
    model: str
    parameters: dict[str, Value] = {}
    laws: dict[str, Delay] = {}
    population: Literal["drawn", "workplace", "look_alike"] = "drawn"
    agents: Annotated[int, msgspec.Meta(ge=3, le=10**7)] = 200
    degree: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 6
    cells: Annotated[int, msgspec.Meta(ge=1, le=10**6)] = 4
    columns: dict[str, tuple[int, int]] = {}
    steps: Annotated[int, msgspec.Meta(ge=1, le=MAX_STEPS)] = 20
    outputs: tuple[SeriesConfig, ...] = ()
    only: tuple[str, ...] = ()
    seeds: dict[Named, Seeds] = msgspec.field(default_factory=STANDARD.copy)
    sensitivity_seeds: Seeds = 200

    def __post_init__(self) -> None:
        """Check that the history of a run fits into memory.

        Raises:
            ConfigError: it has more than 5 * 10**7 agent-steps.
        """
        if self.agents * self.steps > LARGEST_RUN:
            raise ConfigError(
                f"{self.name}: {self.agents:,} agents over {self.steps} steps; at most {LARGEST_RUN:,} agent-steps "
                "fit into memory, so take fewer"
            )


def of_run(config: Config, path: Path) -> ModelProblemConfig:
    """Return the problem of a run's configuration: its model, parameters, people and steps.

    Raises:
        ConfigError: it has the table `[model]`, own people, or more steps than a history is kept of.
    """
    if config.steps > MAX_STEPS:
        raise ConfigError(
            f"{path} has {config.steps:,} steps; derivatives are taken of at most {MAX_STEPS:,}: take fewer"
        )
    if config.private.people is not None:
        raise ConfigError(f"{path} has people of its own, whom sensitivities do not take yet; name a dataset")
    if not isinstance(config.model, str):
        raise ConfigError(f'{path} has the table [model]; name a model, such as model = "opinion"')
    return ModelProblemConfig(
        name=config.name,
        model=config.model,
        parameters=config.parameters,
        population="look_alike" if config.private.dataset == "look_alike" else "workplace",
        cells=max(config.cells.count, 1),
        columns=config.private.columns,
        steps=config.steps,
    )
