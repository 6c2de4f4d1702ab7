"""The configuration of `lpm risk`."""

import datetime
from pathlib import Path
from typing import Annotated, Literal, final

import msgspec

from lpm_secure.config.model import ModelConfig
from lpm_secure.config.releases import Epsilon
from lpm_secure.config.simulation import ClientColumn, Config, PrivateConfig, ProtocolConfig
from protocols.errors import ConfigError
from protocols.identity.trust import Name
from protocols.task.base import Security
from protocols.toml_file import load_config

Edge = Annotated[float, msgspec.Meta(gt=0, lt=1)]


@final
class PeopleConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose devices take part.

    Attributes:
        dataset: name in the data catalogue, or "look_alike" for generated contacts; or else
        people, contacts, start: your own, as `[private]` of a run has them.
        column: of your own people's table, that says the department; their names unless given.
        departments: of the people who take part; all of them where none is named.
        processes: how many host the devices: each has its own keys and connections, some share a process.
        security: of both runs, as `[private]` of a run has it.
    """

    dataset: Literal["workplace_invs15", "look_alike"] | None = None
    people: str | None = None
    contacts: str | None = None
    start: datetime.date | None = None
    column: str | None = None
    departments: tuple[str, ...] = ()
    processes: Annotated[int, msgspec.Meta(ge=1, le=256)] = 2
    security: Security = "semi-honest"

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        if self.people is not None and self.dataset is not None:
            raise ConfigError("people has a dataset or people of your own; leave one of them out")
        if self.people is None and (self.contacts is not None or self.start is not None or self.column is not None):
            raise ConfigError("contacts, start and column are of your own people; say people, or leave them out")


@final
class DistributionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the health authority gets.

    Attributes:
        edges: of the bins, between risk 0 and 1, in order; 1, 3, 10 and 30 % unless given.
        epsilon, delta: what the whole distribution costs; the unit is one device's place in one bin.
    """

    edges: Annotated[tuple[Edge, ...], msgspec.Meta(min_length=1, max_length=99)] = (0.01, 0.03, 0.1, 0.3)
    epsilon: Epsilon
    delta: Annotated[float, msgspec.Meta(gt=0, lt=0.1)] = 1e-6

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        if list(self.edges) != sorted(set(self.edges)):
            raise ConfigError(f"distribution.edges are {list(self.edges)}; give each once, the lowest first")


@final
class RiskConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A computation of everybody's risk.

    Attributes:
        name: of the runs.
        seed: of the first world, and of which units of contacts are kept when contacts are halved.
        days: for which the risk is computed.
        worlds: how many times the days are drawn anew, by the seeds from `seed` on: replicates of one run.
    """

    name: Name
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 7
    worlds: Annotated[int, msgspec.Meta(ge=2, le=1000)]
    model: ModelConfig
    people: PeopleConfig = PeopleConfig()
    distribution: DistributionConfig
    protocol: ProtocolConfig = ProtocolConfig()

    def week(self) -> Config:
        """Return the configuration of the simulation; its people's agents are grouped by person."""
        if len(self.model.channels) > 1:
            raise ConfigError("the table [model] names several channels; risks are of one")
        own = self.people
        if own.people is None:
            dataset = own.dataset or "workplace_invs15"
            private = PrivateConfig(dataset=dataset, clients="group", security=own.security, replicates=self.worlds)
        else:
            clients = ClientColumn(column=own.column or "person")
            private = PrivateConfig(
                people=own.people,
                contacts=own.contacts or {},
                start=own.start,
                clients=clients,
                security=own.security,
                replicates=self.worlds,
            )
        return Config(
            name=f"{self.name}-week",
            seed=self.seed,
            steps=self.days,
            model=self.model,
            private=private,
            protocol=self.protocol,
        )


def load(path: Path) -> RiskConfig:
    """Read a configuration; errors are ConfigError."""
    config = load_config(path, RiskConfig)
    private = config.week().private.beside(path.parent)
    contacts = private.contacts if isinstance(private.contacts, str) else None
    people = msgspec.structs.replace(config.people, people=private.people, contacts=contacts)
    return msgspec.structs.replace(config, people=people)
