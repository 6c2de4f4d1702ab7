"""The configuration of a run: TOML into frozen types."""

import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, final

import msgspec

from lpm_secure.config.bounds import Count, Days, Positive
from lpm_secure.config.gradient import GradientConfig
from lpm_secure.config.model import ModelConfig, check_source, model_of
from lpm_secure.config.releases import NoiseConfig
from lpm_secure.config.synthetic import SyntheticConfig
from lpm_secure.models.axes import Value
from protocols.errors import ConfigError
from protocols.identity.trust import Name
from protocols.models.graph.agents import GraphModel
from protocols.task.base import Security
from protocols.task.manifest import MOST_COPIES
from protocols.toml_file import load_config, read_tables


@final
class ClientColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose clients people are, by a column of their file.

    Attributes:
        column: each of its values is a client.
    """

    column: str


@final
class PrivateConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose contacts are private, and who holds them.

    Attributes:
        dataset: name in the data catalogue, or "look_alike" for generated contacts; or else
        people: your own, a table (CSV or Parquet) beside the configuration: `person`, and columns of the model.
        start: the day of the first step; that of the first date in your tables unless given.
        security: "active": one aggregator that lies reads no input either; not for every run
            (`protocols/masking/plan.py` refuses the others in one line). "semi-honest": CrypTen.
        comparison: where security is active, "keys": aggregators compare by what the dealer deals. "tree": by opening
            masked bits to each other, in a sixth of the bytes and more messages, for many agents on slow links; an
            aggregator that crashes while it compares ends the run (`docs/security/active.md`).
        refuse_differencing: the run ends before an exact release that would tell, together with those before it, of
            fewer clients than `min_cohort` alone.
        replicates: so many copies of the run are made at once, of the same people, cells and contacts, each with draws
            of its own, by the seeds from `seed` on; each tells as much as a run.
        seed: of the cells, columns and contacts of private agents that are made by chance; the run's unless given.
        clients: "group": each department is a client; "person": each person; "one": one client holds all. Of your own
            people `{column = "ward"}`, "person" or "one".
        columns: of private columns of the model, between which two numbers, both included, each value is drawn, for
            private and for synthetic agents; all of a column's range unless given.
        contacts: your own people's, a table: `a`, `b`, `date` or `start` and `end`, `channel`, `weight`. Of a data set
            the same ranges of contacts' own numbers, by channel, where a model makes messages of these.
    """

    dataset: Literal["workplace_invs15", "look_alike"] | None = None
    people: str | None = None
    start: datetime.date | None = None
    security: Security = "semi-honest"
    comparison: Literal["keys", "tree"] = "keys"
    refuse_differencing: bool = False
    replicates: Annotated[int, msgspec.Meta(ge=1, le=MOST_COPIES)] = 1
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    clients: Literal["group", "person", "one"] | ClientColumn = "group"
    columns: dict[str, tuple[int, int]] = {}
    contacts: dict[str, tuple[int, int]] | str = {}

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        if (self.dataset is None) == (self.people is None):
            raise ConfigError(
                'private has either a dataset, such as dataset = "look_alike", or people, such as people = "people.csv"'
            )
        own = self.people is not None
        if own and (self.clients == "group" or (isinstance(self.contacts, dict) and self.contacts)):
            raise ConfigError(
                'private.people has clients = {column = "ward"}, "person" or "one", and contacts = "contacts.csv"'
            )
        if not own and (isinstance(self.clients, ClientColumn) or isinstance(self.contacts, str) or self.start):
            raise ConfigError("private.start, a client's column and a table of contacts are of your own private.people")

    def beside(self, folder: Path) -> "PrivateConfig":
        """Return it with the paths of tables from a folder."""
        contacts = str(folder / self.contacts) if isinstance(self.contacts, str) else self.contacts
        people = None if self.people is None else str(folder / self.people)
        return msgspec.structs.replace(self, people=people, contacts=contacts)


@final
class CellConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Cells that private and synthetic agents mix in.

    Attributes:
        count: how many; each private agent is in one, drawn at random.
        column: of your own people's table, in place of a count: each of its values is a cell.
        size: people in each; all agents over `count` unless given, and with a column all who are in it.
    """

    count: Count = 0
    column: str | None = None
    size: Positive | None = None

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        if self.count and self.column is not None:
            raise ConfigError("cells has a count or a column; leave one of them out")

    @property
    def some(self) -> bool:
        """Return whether there are any."""
        return self.count > 0 or self.column is not None


@final
class ProtocolConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How shares travel.

    Attributes:
        mode: "outcome": each client learns one bit per agent and step. "sum", which is asked for by name: it learns its
            agents' exact exposures.
        edges: "dense", or "permuted" for clients of one person each: no server sees who meets whom.
        degree: with permuted edges, the most contacts that anyone has on a day; as the data has them unless given.
        aggregators: k, at least 2.
        min_cohort: a release covers at least so many clients.
        validity: "bits": in outcome mode, what clients tell is checked on shares to be in its range. "off" trusts them.
        min_count: in outcome mode, a count below it is released as 0; 0 releases every count.
        join_timeout_s: how long the first round waits for clients.
        round_timeout_s: how long every later one does.
    """

    mode: Literal["outcome", "sum"] = "outcome"
    edges: Literal["dense", "permuted"] = "dense"
    degree: Annotated[int, msgspec.Meta(ge=1, le=1024)] | None = None
    aggregators: Annotated[int, msgspec.Meta(le=16)] = 2
    min_cohort: Positive = 3
    validity: Literal["bits", "off"] = "bits"
    min_count: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0
    join_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 60.0
    round_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 10.0

    @property
    def addresses(self) -> int:
        """Return how many addresses the operators' servers need, one for a dealer among them."""
        if self.mode == "sum":
            return self.aggregators + 1
        permutation = self.aggregators + 1 if self.edges == "permuted" else 0
        return 2 * self.aggregators + 1 + permutation


@final
class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run.

    Attributes:
        name: of the run, in the manifest and in reports.
        seed: of all simulation draws.
        steps: how many, each of `dt` days.
        model: the table of `ModelConfig`; or the name of a model: `package.module:Class`, from the working folder
            too, or one of the library.
        parameters: of a model that is named, in its author's units; defaults stand in the model.
        environment: of a model that hears public numbers: its `name`, `package.module:Class` or one of the library, and
            its own keys.
    """

    name: Name
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    steps: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    dt: Days = 1.0
    model: ModelConfig | str
    parameters: dict[str, Value] = {}
    environment: dict[str, Any] = {}
    private: PrivateConfig
    cells: CellConfig = CellConfig()
    synthetic: SyntheticConfig = SyntheticConfig()
    protocol: ProtocolConfig = ProtocolConfig()
    releases: NoiseConfig | None = None
    gradient: GradientConfig | None = None

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        if self.protocol.aggregators < 2:
            raise ConfigError(
                f"got k = {self.protocol.aggregators} aggregators: additive sharing needs at least 2; add an operator"
            )
        check_source(self.model, self.parameters)
        if self.cells.column is not None and self.private.people is None:
            raise ConfigError("cells.column is of your own private.people; of a data set give cells.count")
        if self.synthetic.agents and not self.cells.some:
            raise ConfigError("synthetic agents meet private ones in cells only: set cells.count to at least 1")
        self.synthetic.check_model(self.model if isinstance(self.model, str) else None)

    @property
    def people_seed(self) -> int:
        """Return the seed of what is made up of private agents before the run."""
        return self.seed if self.private.seed is None else self.private.seed

    def with_draws(self, seed: int, *, replicates: int = 1) -> "Config":
        """Return the run of the same private agents with the draws of another seed, in so many replicates.

        It raises nothing: ranges are those of a file, which are checked when a run begins.
        """
        private = msgspec.structs.replace(self.private, seed=self.people_seed, replicates=replicates)
        return msgspec.structs.replace(self, seed=seed, private=private)

    @property
    def run_model(self) -> GraphModel:
        """Return the model that every party derives its steps from, as `model_of` does and refuses."""
        way = None if self.gradient is None else self.gradient.way
        return model_of(self.model, self.parameters, dt=self.dt, way=way)


def load(path: Path) -> Config:
    """Read a run's configuration.

    Raises:
        ConfigError: one line that says what was got, what is allowed, and what to do.
    """
    if "operator" in read_tables(path):
        raise ConfigError(f"{path} is of `lpm project`; play it on made-up people with: lpm rehearse {path}")
    config = load_config(path, Config)
    private, synthetic = config.private.beside(path.parent), config.synthetic.beside(path.parent)
    return msgspec.structs.replace(config, private=private, synthetic=synthetic)
