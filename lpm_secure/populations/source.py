"""Where a run's synthetic agents come from: a population on disk, or one built on demand and kept."""

from pathlib import Path
from typing import Annotated, Literal, final

import msgspec

from lpm_secure.populations import cache
from lpm_secure.populations.cache import OnPart
from lpm_secure.populations.population import Population
from lpm_secure.populations.synthesis import look_alike, nyc
from protocols.errors import ConfigError


@final
class PopulationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A population: either `path`, or `kind` with `agents`.

    Attributes:
        path: of a population that `lpm population` wrote, beside the configuration unless it is absolute.
        kind: "nyc", from census tables; or "look_alike", generated from plausible sizes: no real place.
        agents: how many.
        seed: of the population's draws.
    """

    path: str | None = None
    kind: Literal["nyc", "look_alike"] | None = None
    agents: Annotated[int, msgspec.Meta(ge=500, le=2**31 - 2)] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 1

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        if (self.path is None) == (self.kind is None) or (self.kind is None) != (self.agents is None):
            raise ConfigError(
                'a population needs either a path, such as path = "nyc.lpmpop", or a kind with its number of agents, '
                'such as kind = "nyc", agents = 100_000'
            )


def open_population(given: PopulationConfig, *, beside: Path, on_part: OnPart | None = None) -> Population:
    """Return a configured population; one of a kind is built, or taken from the cache if it was built before.

    Args:
        given: what is asked for.
        beside: folder that a relative path starts from.
        on_part: told the name of each part of a build as it begins.

    Raises:
        DataError: no population at the path, a damaged one, or a table that a build needs is missing.
    """
    if given.path is not None:
        return Population.open(beside / given.path)
    if given.kind is None or given.agents is None:
        raise ConfigError("a population has neither path nor kind; name one")
    build = {"nyc": nyc.build, "look_alike": look_alike.build}[given.kind]
    return cache.fetch(build, kind=given.kind, agents=given.agents, seed=given.seed, on_part=on_part)
