"""Synthetic agents as a person asks for them: the engine's own in a private run, and where their channels meet."""

from pathlib import Path
from typing import Annotated, Literal, final

import msgspec

from lpm_secure.config.bounds import Count, Rate
from protocols.errors import ConfigError
from protocols.identity.trust import Name

Weight = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


@final
class LinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A setting in which messages of a channel are received.

    Attributes:
        setting: of the population: a column of venues, "community", or, of a channel of cells, places too.
        scale: an agent receives the mean of the others' messages, in units of 1 / scale; 0: their total.
        weight: of what is received: a whole number, or one for each day, the last of which holds on.
    """

    setting: Name
    scale: Annotated[int, msgspec.Meta(ge=0, le=2**40)] = 0
    weight: Weight | Annotated[tuple[Weight, ...], msgspec.Meta(min_length=1, max_length=30_000)] = 1

    @property
    def weights(self) -> tuple[int, ...]:
        """One for each day."""
        return self.weight if isinstance(self.weight, tuple) else (self.weight,)


@final
class SyntheticConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Agents that the engine simulates.

    Attributes:
        agents: how many.
        population: "nyc" or "look_alike": they live in households, schools and workplaces, and neighbours share a cell.
            Without one, they meet in cells only, and each cell is drawn at random.
        path: of a population that `lpm population` wrote, from tables of your own say, in place of a named one;
            `agents` is how many it has.
        beta: with a population and the table `[model]`: for each setting that carries infection, per day if everybody
            else in the venue were infectious.
        channels: with a population and a model by its name: where each of its channels along contacts meets.
        twin: in a step in which a client takes no part, a synthetic agent of its own stands in for each of its agents,
            in the same cell. Every party then reads how many agents of each client are in each cell.
    """

    agents: Count = 0
    population: Literal["nyc", "look_alike"] | None = None
    path: str | None = None
    beta: dict[Name, Rate] = {}
    channels: dict[Name, tuple[LinkConfig, ...]] = {}
    twin: bool = False

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        if self.population is not None and self.path is not None:
            raise ConfigError("synthetic has a population or the path of one; leave one of them out")
        if self.lives == (not (self.beta or self.channels)) or (self.beta and self.channels):
            raise ConfigError(
                "synthetic.population and synthetic.beta go together: name a population and the settings that carry "
                "infection, such as beta = {household = 0.1}; or neither. A model by its name has synthetic.channels "
                "in place of beta"
            )

    def check_model(self, name: str | None) -> None:
        """Refuse what is not for a model by its name, or else for the table `[model]`.

        Raises:
            ConfigError: it is so.
        """
        if name is not None and self.beta:
            raise ConfigError(
                f"synthetic.beta is for the table [model], and not yet for models by name, such as {name}; leave it out"
            )
        if name is None and self.channels:
            raise ConfigError("synthetic.channels are of a model by its name; the table [model] has synthetic.beta")

    @property
    def lives(self) -> bool:
        """Return whether they live in a population."""
        return self.population is not None or self.path is not None

    def beside(self, folder: Path) -> "SyntheticConfig":
        """Return it with the path of a population from a folder."""
        return self if self.path is None else msgspec.structs.replace(self, path=str(folder / self.path))
