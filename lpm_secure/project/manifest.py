"""The manifest of a project: its file, and what each party asked for with its own keys, into one description."""

from pathlib import Path
from typing import Any, Final

import msgspec

from client_sdk.private.contact_list import COLUMNS
from client_sdk.private.files import PEOPLE
from lpm_secure.config.gradient_spec import gradient_for
from lpm_secure.config.model import channel_names, model_of
from lpm_secure.config.releases import releases_for
from lpm_secure.project.project_file import ProjectFile, agents_of
from protocols.errors import ConfigError, did_you_mean
from protocols.identity.trust import Trust
from protocols.masking.plan import check_security
from protocols.models.graph.agents import GraphModel
from protocols.task.devices import Devices
from protocols.task.manifest import SimulationManifest
from protocols.task.parties import AggregatorParty, ClientParty, DealerParty

MOST_BY_DEFAULT: Final = 64  # clients that compare their contacts where it is not said
PLAIN: Final = (
    *("name", "steps", "dt", "max_message", "mode", "security", "validity", "edges"),
    *("min_cohort", "min_count", "join_timeout_s", "round_timeout_s", "testbed_seed"),
)


def manifest_of(project: ProjectFile, folder: Path, *, trust: Trust | None = None) -> SimulationManifest:
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
    manifest = SimulationManifest(
        **plain,
        comparison="tree" if project.comparison == "tree" else msgspec.UNSET,
        engine=bool(project.engine),
        start=project.start or msgspec.UNSET,
        compare_contacts=_compares(project, model) or msgspec.UNSET,
        twins=_twins(project) or msgspec.UNSET,
        refuse_differencing=project.refuse_differencing or msgspec.UNSET,
        replicates=project.replicates if project.replicates > 1 else msgspec.UNSET,
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
            project.releases,
            model,
            steps=project.steps,
            cells=bool(project.cells),
            gradient=gradient,
            copies=project.replicates,
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


def _twins(project: ProjectFile) -> dict[str, tuple[int, ...]]:
    """Return for each client how many of its agents are in each cell, if it is said of any.

    Raises:
        ConfigError: a cell that the project does not have.
    """
    for client in project.clients:
        for name in client.twins:
            if name not in project.cells:
                hint = did_you_mean(name, project.cells) or f"; there are {', '.join(project.cells) or 'none'}"
                raise ConfigError(f"the twins of client {client.name} are in {name}, which is no cell of [cells]{hint}")
    if not any(client.twins for client in project.clients):
        return {}
    return {client.name: tuple(client.twins.get(name, 0) for name in project.cells) for client in project.members}


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
