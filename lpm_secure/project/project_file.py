"""`project.toml`: everything that a manifest of real parties can say, and what each party's kit needs beside it."""

import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, final

import msgspec

from lpm_secure.config.bounds import Days, Positive
from lpm_secure.config.gradient import GradientConfig
from lpm_secure.config.model import ModelConfig, check_source
from lpm_secure.config.releases import NoiseConfig
from lpm_secure.config.synthetic import SyntheticConfig
from lpm_secure.models.axes import Value
from lpm_secure.project.base_project import BaseProject
from protocols.errors import ConfigError
from protocols.identity.signing import PublicKey
from protocols.identity.trust import Name
from protocols.task.manifest import MOST_COPIES
from protocols.task.parties import ENGINE
from protocols.toml_file import load_config

MOST_DEVICES: Final = 10_000  # of an entry
Agent = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**32)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@final
class ClientEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An institution that takes part, and the numbers of its agents.

    Attributes:
        name: in the manifest and in its certificate.
        agents: how many it has, and then they get the numbers after those of the clients before it, from 1 on; or a
            list of numbers; or a text file beside the project with one number a line.
        devices: in place of agents, so many clients of one person each, `NAME-1` on, with a kit each.
        twins: by the name of each cell how many of its agents are there, which all parties then read: of all clients or
            of none. Where a client is away, synthetic agents of its own stand in for these. Needs an engine.
    """

    name: Name
    agents: Count | tuple[Agent, ...] | str | None = None
    devices: Annotated[int, msgspec.Meta(ge=1, le=MOST_DEVICES)] | None = None
    twins: dict[str, Count] = {}

    def __post_init__(self) -> None:
        """Check that one of both is given."""
        if (self.agents is None) == (self.devices is None):
            raise ConfigError(f"client {self.name} needs either agents, how many people it has, or devices, how many")

    @property
    def each(self) -> tuple["ClientEntry", ...]:
        """Return the clients that this entry stands for."""
        if self.devices is None:
            return (self,)
        return tuple(ClientEntry(name=f"{self.name}-{number}", agents=1) for number in range(1, self.devices + 1))


@final
class EngineEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who runs the engine, which has a kit then, and what that kit's `engine.toml` begins with.

    Attributes:
        operator: who runs it.
        synthetic: its own agents, as in a run's configuration; the path of a population is from its kit.
        columns: of private columns of the model, between which two numbers each value of theirs is drawn.
        environment: of a model that hears public numbers, as in a run's configuration.
    """

    operator: Name
    synthetic: SyntheticConfig = SyntheticConfig()
    columns: dict[str, tuple[int, int]] = {}
    environment: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Return the engine's name, which is the same in every run."""
        return ENGINE


@final
class RehearsalConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What made-up people do in `lpm rehearse`; the run itself knows nothing of it.

    Attributes:
        contacts: of a person in a step, on average.
        between: which share of them is with people of other clients.
        known: of which share of people the state on the first day is known.
    """

    contacts: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 4.0
    between: Share = 0.1
    known: Share = 0.2


@final
class ProjectFile(BaseProject, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `lpm manifest new` and `lpm project` read; paths are relative to the file.

    Attributes:
        name: of the run, in the manifest and in reports.
        operator: of the run, who signs the manifest; one of the servers' operators may be it.
        not_before, not_after: when the run may take place, UTC, whole seconds.
        steps: how many, each of `dt` days.
        dt: days in a step.
        start: the day of the first step, which all clients' dates are counted from.
        compare_contacts: before they join, clients compare what they list of undirected contacts between their agents.
            Unless given they do, if there are such channels, dense edges and 2 to 64 clients.
        period: contacts are given for so many steps, and repeat; all steps unless given.
        max_message: the largest weight between two people in a step, times the largest message of the model.
        mode: "outcome": a client learns a bit for each agent and step. "sum": exact exposures, asked for by name.
        security: "active": one aggregator that lies reads no input either. For two aggregators and a dealer,
            without `mpc` and without `epsilon` of a series. "semi-honest": CrypTen.
        comparison: where security is active, "keys": aggregators compare by what the dealer deals. "tree": by opening
            masked bits to each other, in a sixth of the bytes and more messages, for many agents on slow links; an
            aggregator that crashes while it compares ends the run (`docs/security/active.md`).
        refuse_differencing: the run ends before an exact release that would tell, together with those before it, of
            fewer clients than `min_cohort` alone.
        replicates: so many copies of the run are made at once, of the same people, cells and contacts, each with draws
            of its own; each tells as much as a run.
        validity: "bits": what clients tell is checked on shares to be in its range. "off" trusts them.
        edges: "dense"; "permuted" for clients of one person each, whose contacts no server sees.
        degree: with permuted edges, the most contacts that anyone has on a day.
        engine: whether an engine announces synthetic totals and public numbers in every step; a table `[engine]` says
            who runs it, and gives it a kit.
        engine_identity: where security is active and the engine has no kit, its Ed25519 public key, 32 bytes in base64.
        min_cohort: a release covers at least so many clients.
        min_count: in outcome mode, a count below it is released as 0; 0 releases every count.
        collusion_bound: how many aggregators may pool what they have; all but one unless given.
        join_timeout_s: how long the first round waits for clients.
        round_timeout_s: how long every later one does.
        testbed_seed: all draws derive from it, so nothing of anybody is hidden: for made-up people only.
        model: the table `[model]`, or the name of a model: `package.module:Class`, or one of the library.
        parameters: of a model by its name, in its author's units.
        cells: by the name of each cell (a ward, a school) how many people mix in it.
        releases: noise in what is released; without the table all is exact.
        gradient: which derivatives the run yields; none without the table.
        rehearsal: what made-up people do in a rehearsal of the run.
        dictionary: by a column, channel or cell a sentence on what it means, for whoever prepares the tables.
        aggregators: k >= 2 servers, each of another operator.
        dealer: in outcome mode, or with active security, a server of a further operator, which sees no input.
        clients: the institutions.
    """

    steps: Positive
    dt: Days = 1.0
    start: datetime.date | None = None
    compare_contacts: bool | None = None
    period: Positive | None = None
    max_message: Positive
    mode: Literal["outcome", "sum"] = "outcome"
    comparison: Literal["keys", "tree"] = "keys"
    refuse_differencing: bool = False
    replicates: Annotated[int, msgspec.Meta(ge=1, le=MOST_COPIES)] = 1
    validity: Literal["bits", "off"] = "bits"
    edges: Literal["dense", "permuted"] = "dense"
    degree: Annotated[int, msgspec.Meta(ge=1, le=1024)] | None = None
    engine: bool | EngineEntry = False
    engine_identity: PublicKey | None = None
    min_count: Count = 0
    testbed_seed: Seed | None = None
    model: ModelConfig | str
    parameters: dict[str, Value] = msgspec.field(default_factory=dict)
    cells: dict[str, Positive] = msgspec.field(default_factory=dict)
    releases: NoiseConfig | None = None
    gradient: GradientConfig | None = None
    rehearsal: RehearsalConfig = RehearsalConfig()
    dictionary: dict[str, str] = msgspec.field(default_factory=dict)
    clients: tuple[ClientEntry, ...]

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        super().__post_init__()
        check_source(self.model, self.parameters)
        if (self.edges == "permuted") != (self.degree is not None):
            raise ConfigError('edges = "permuted" and degree go together: give both, or neither')
        if self.engine_identity is not None and not isinstance(self.engine, bool):
            raise ConfigError("[engine] has a kit, whose request holds the engine's key; leave engine_identity out")

    @property
    def synthetic(self) -> SyntheticConfig:
        """Return the engine's agents: without a table `[engine]` its operator's, of which a project says nothing."""
        return self.engine.synthetic if isinstance(self.engine, EngineEntry) else SyntheticConfig()

    @property
    def members(self) -> tuple[ClientEntry, ...]:
        """Return all clients, each device as one of its own."""
        return tuple(each for client in self.clients for each in client.each)

    @property
    def client_names(self) -> tuple[str, ...]:
        """Return the names of all clients, those of devices too."""
        return tuple(client.name for client in self.members)

    @property
    def engine_party(self) -> EngineEntry | None:
        """Return who runs the engine, where a table says it."""
        return self.engine if isinstance(self.engine, EngineEntry) else None

    @property
    def engine_key(self) -> bytes | None:
        """Return the key of an engine that has no kit."""
        return self.engine_identity


def load(path: Path) -> ProjectFile:
    """Read a project's file; errors are ConfigError."""
    return load_config(path, ProjectFile)


def agents_of(project: ProjectFile, folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the numbers of each client's agents.

    Args:
        project: with clients.
        folder: that files of numbers are relative to.

    Raises:
        ConfigError: a file that cannot be read, or that holds other things than numbers.
    """
    numbers: dict[str, tuple[int, ...]] = {}
    first = 1
    for client in project.members:
        if client.agents is None or isinstance(client.agents, int):
            count = client.agents or 0
            numbers[client.name] = tuple(range(first, first + count))
            first += count
        elif isinstance(client.agents, str):
            numbers[client.name] = _listed(folder / client.agents)
        else:
            numbers[client.name] = client.agents
    return numbers


def _listed(path: Path) -> tuple[int, ...]:
    try:
        return tuple(int(line) for line in path.read_text(encoding="ascii").split())
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}; agents are a number, a list of numbers, or such a file's name"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path} holds other things than numbers of agents: {error}") from error
