"""The engine's own agents in a private run, as a person asks for them."""

from typing import Literal, final

import msgspec

from lpm_secure.config.bounds import Count, Rate
from protocols.errors import ConfigError
from protocols.identity.trust import Name


@final
class SyntheticConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Agents that the engine simulates.

    Attributes:
        agents: how many.
        population: "nyc" or "look_alike": they live in households, schools and workplaces, and neighbours share a cell.
            Without it, they meet in cells only, and each cell is drawn at random.
        beta: with a population: for each of its settings that carries infection, per day if everybody else in the
            venue were infectious.
    """

    agents: Count = 0
    population: Literal["nyc", "look_alike"] | None = None
    beta: dict[Name, Rate] = {}

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        if (self.population is None) == bool(self.beta):
            raise ConfigError(
                "synthetic.population and synthetic.beta go together: name a population and the settings that carry "
                "infection, such as beta = {household = 0.1}; or neither"
            )
