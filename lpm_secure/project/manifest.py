"""The manifest of a project: its file, and what each party asked for with its own keys, into one description."""

from pathlib import Path
from typing import Any, Final

import msgspec

from client_sdk.private.contact_list import COLUMNS
from client_sdk.private.files import PEOPLE
from lpm_secure.config.gradient_spec import gradient_for
from lpm_secure.config.model import channel_names, model_of
from lpm_secure.config.releases import releases_for
from lpm_secure.project.project_file import EngineEntry, ProjectFile, ServerEntry, agents_of, load
from protocols.errors import ConfigError, did_you_mean
from protocols.identity import enrolment, server_request
from protocols.identity.trust import PartyKeys, Trust
from protocols.masking.plan import check_security
from protocols.models.graph.agents import GraphModel
from protocols.task.devices import Devices
from protocols.task.manifest import Simulation
from protocols.task.parties import ENGINE, AggregatorParty, ClientParty, DealerParty

MOST_BY_DEFAULT: Final = 64  # clients that compare their contacts where it is not said
REQUESTS: Final = "requests"  # a folder beside the project, with NAME.request of each party
PLAIN: Final = (
    *("name", "steps", "dt", "max_message", "mode", "security", "validity", "edges"),
    *("min_cohort", "min_count", "join_timeout_s", "round_timeout_s", "testbed_seed"),
)


def new_manifest(path: Path) -> Simulation:
    """Write a manifest from a project's file and the requests beside it.

    Raises:
        ConfigError, ParameterError: a file cannot be read, or its parts contradict each other.
    """
    project, requests = load(path), path.resolve().parent / REQUESTS
    keys = {party.name: _keys(requests, party) for party in project.operated}
    engine = keys.pop(ENGINE, None)
    identities = {ENGINE: project.engine_identity} if project.engine_identity is not None else {}
    if project.security == "active":
        identities |= {} if engine is None else {ENGINE: engine.identity}
        identities |= {client.name: identity_of(requests, client.name) for client in project.members}
    trust = Trust(
        operator=project.operator,
        collusion_bound=project.collusion_bound or max(len(project.aggregators) - 1, 1),
        not_before=project.not_before,
        not_after=project.not_after,
        keys=keys,
        identities=identities,
    )
    return manifest_of(project, path.resolve().parent, trust=trust)


def manifest_of(project: ProjectFile, folder: Path, *, trust: Trust | None = None) -> Simulation:
    """Return what a project asks all parties for.

    Args:
        project: the file's content.
        folder: that its paths are relative to.
        trust: keys of the parties; without it, before they have made any, nobody can take part.

    Raises:
        ConfigError, ParameterError: its parts contradict each other.
    """
    model = run_model(project)
    channels = channel_names(project.model, model)
    _check_dictionary(project, model, channels)
    own = model.agents.cell_names
    if own and tuple(project.cells) != own:
        raise ConfigError(f"[cells] has {', '.join(project.cells) or 'none'}; agents move between {', '.join(own)}")
    gradient = gradient_for(project, model)
    plain: dict[str, Any] = {name: getattr(project, name) for name in PLAIN}
    dealer, agents = project.dealer, agents_of(project, folder)
    manifest = Simulation(
        **plain,
        engine=bool(project.engine),
        start=project.start or msgspec.UNSET,
        compare_contacts=_compares(project, model) or msgspec.UNSET,
        refuse_differencing=project.refuse_differencing or msgspec.UNSET,
        model=model,
        model_hash=model.digest,
        channels=channels,
        period=project.period or project.steps,
        cells=tuple(project.cells.values()),
        aggregators=tuple(
            AggregatorParty(each.name, each.address, each.mpc, each.permutation) for each in project.aggregators
        ),
        dealer=None if dealer is None else DealerParty(dealer.name, dealer.address, dealer.permutation),
        clients=tuple(ClientParty(name, numbers) for name, numbers in agents.items()),
        devices=None if project.degree is None else Devices(degree=project.degree),
        gradient=gradient,
        releases=releases_for(
            project.releases, model, steps=project.steps, cells=bool(project.cells), gradient=gradient
        ),
        trust=trust,
    )
    check_security(manifest)
    return manifest


def run_model(project: ProjectFile) -> GraphModel:
    """Return the model that every party derives its steps from."""
    way = None if project.gradient is None else project.gradient.way
    return model_of(project.model, project.parameters, dt=project.dt, way=way)


def _compares(project: ProjectFile, model: GraphModel) -> bool:
    """Return whether clients compare their contacts: where it is not said, if there is something to compare."""
    undirected = not all(model.agents.directed)
    if project.compare_contacts is None:
        return undirected and project.edges == "dense" and 2 <= len(project.members) <= MOST_BY_DEFAULT
    return project.compare_contacts


def _check_dictionary(project: ProjectFile, model: GraphModel, channels: tuple[str, ...]) -> None:
    """Refuse a meaning of what no table of the run has.

    Raises:
        ConfigError: there is one; the nearest word is said.
    """
    columns = [spec.name for spec in model.agents.columns]
    named = () if isinstance(project.model, str) else project.model.channels
    words = [*PEOPLE, *COLUMNS, *columns, *channels, *named, *project.cells]
    for word in project.dictionary:
        if word not in words:
            hint = did_you_mean(word, words) or f"; there are {', '.join(words)}"
            raise ConfigError(f"[dictionary] has {word}, which is no column, channel or cell of the run{hint}")


def request_path(requests: Path, name: str) -> Path:
    """Return where a party's request lies.

    Raises:
        ConfigError: it is not there.
    """
    path = requests / f"{name}.request"
    if not path.is_file():
        raise ConfigError(f"{path} is not there: {name} makes it with `lpm enrol` in its kit, and hands it over")
    return path


def identity_of(requests: Path, name: str) -> bytes:
    """Return the key by which a client signs, as its request has it."""
    return enrolment.load_request(request_path(requests, name)).identity


def _keys(requests: Path, server: ServerEntry | EngineEntry) -> PartyKeys:
    path = request_path(requests, server.name)
    asked = server_request.load(path)
    if (asked.name, asked.keys.operator) != (server.name, server.operator):
        raise ConfigError(
            f"{path} is of {asked.name}, operated by {asked.keys.operator}; the project has {server.name}, operated "
            f"by {server.operator}: ask for another request, or correct the project"
        )
    return asked.keys
