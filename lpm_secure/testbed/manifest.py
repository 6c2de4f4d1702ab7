"""The manifest of a run of simulated clients, from its configuration and its people."""

import re
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from lpm_secure.config.gradient_spec import gradient_for
from lpm_secure.config.model import channel_names, exclusions
from lpm_secure.config.releases import releases_for
from lpm_secure.config.simulation import CellConfig, ClientColumn, Config
from lpm_secure.data.contact_data import ContactData
from lpm_secure.testbed.keyring import most_contacts
from lpm_secure.testbed.synthetic import Ranges
from protocols.errors import ConfigError, DataError
from protocols.identity.trust import NAME, ROLE
from protocols.masking.plan import check_security
from protocols.models.agent_model import UNKNOWN, AgentModel
from protocols.models.graph.agents import GraphModel
from protocols.task.devices import Devices
from protocols.task.manifest import SimulationManifest
from protocols.task.parties import AggregatorParty, ClientParty, DealerParty


def manifest_of(config: Config, data: ContactData, addresses: Sequence[str]) -> SimulationManifest:
    """Return the manifest; arguments and errors are those of `testbed.build`, which calls this."""
    model = config.run_model
    clients, gradient = _clients(config, data), gradient_for(config, model)
    channels = channel_names(config.model, model)
    _check_people(config, data, model, channels=channels)
    permuted = config.protocol.edges == "permuted"
    manifest = SimulationManifest(
        name=config.name,
        model=model,
        model_hash=model.digest,
        steps=config.steps,
        dt=config.dt,
        channels=channels,
        period=data.days,
        max_message=_largest_message(model.agents, data),
        cells=_cells(config, data, moves=model.agents.cell_field is not None),
        engine=True,
        mode=config.protocol.mode,
        security=config.private.security,
        comparison="tree" if config.private.comparison == "tree" else msgspec.UNSET,
        refuse_differencing=config.private.refuse_differencing or msgspec.UNSET,
        replicates=config.private.replicates if config.private.replicates > 1 else msgspec.UNSET,
        aggregators=_aggregators(config, addresses),
        edges=config.protocol.edges,
        devices=Devices(degree=config.protocol.degree or most_contacts(data)) if permuted else None,
        dealer=_dealer(config, addresses),
        clients=clients,
        min_cohort=config.protocol.min_cohort,
        validity=config.protocol.validity,
        min_count=config.protocol.min_count,
        join_timeout_s=config.protocol.join_timeout_s,
        round_timeout_s=config.protocol.round_timeout_s,
        testbed_seed=config.seed,
        releases=releases_for(
            config.releases,
            model,
            steps=config.steps,
            cells=config.cells.some,
            gradient=gradient,
            copies=config.private.replicates,
        ),
        gradient=gradient,
    )
    check_security(manifest)
    return manifest


def _largest_message(agents: AgentModel, data: ContactData) -> int:
    """Return the largest message between two people in a step.

    They have one contact on a channel, of at most its largest weight; or several, where contacts have own numbers.
    """
    largest = int(data.weight.max(initial=1))
    each = [0] * len(agents.most)
    for channel, (most, along) in enumerate(zip(agents.most, agents.along, strict=True)):
        on = np.full(data.day.size, True) if data.channel is None else data.channel == channel
        if along is None:
            each[channel] = most * int(data.weight[on].max(initial=1))
        else:
            pairs = np.stack([data.day, data.a, data.b])[:, on]
            each[channel] = most * int(np.unique(pairs, axis=1, return_counts=True)[1].max(initial=1))
    return max(each, default=largest)


def _check_people(config: Config, data: ContactData, model: GraphModel, *, channels: tuple[str, ...]) -> None:
    """Refuse a table `[model]` of several channels, and cells, columns or numbers that a model knows nothing of.

    Raises:
        ConfigError: it is so.
        DataError: something is known of people that derivatives do not take; by its row.
    """
    if not isinstance(config.model, str) and len(channels) != 1 and data.channel is None:
        raise ConfigError(f"the table [model] names {len(channels)} channels; the contacts of {data.source} have one")
    agents = model.agents
    for name, why in exclusions(config.model, config.gradient).items():
        known = np.atleast_1d(data.columns.get(name, UNKNOWN)) != UNKNOWN
        if known.any():
            row = int(np.argmax(known)) + 1
            raise DataError(f"agent {row}: column {name}: {why}", row)
    if config.cells.some and not agents.cell_most:
        raise ConfigError(f"there are cells, and agents of {config.model} tell cells nothing; leave [cells] out")
    if agents.cell_field is not None and config.cells != CellConfig(count=len(agents.cell_names)):
        raise ConfigError(
            f"agents of {config.model} move between the {len(agents.cell_names)} cells of {agents.cell_field}; set "
            f"cells.count to {len(agents.cell_names)}, and nothing else of [cells]"
        )
    columns = {spec.name: (int(spec.low), int(spec.high)) for spec in agents.columns if spec.default is None}
    _check_ranges("private.columns", config.private.columns, columns, "private columns")
    numbers = {name: along for name, along in zip(channels, agents.along, strict=True) if along is not None}
    given = {} if isinstance(config.private.contacts, str) else config.private.contacts
    _check_ranges("private.contacts", given, numbers, "channels with numbers of contacts")


def _check_ranges(table: str, given: Ranges, allowed: Ranges, what: str) -> None:
    for name, (low, high) in given.items():
        if name not in allowed:
            raise ConfigError(f"[{table}] has {name}; the model's {what} are: {', '.join(allowed) or 'none'}")
        least, most = allowed[name]
        if not least <= low <= high <= most:
            raise ConfigError(
                f"{table}.{name} is [{low}, {high}]; give the lower number first, both within [{least}, {most}]"
            )


def _aggregators(config: Config, addresses: Sequence[str]) -> tuple[AggregatorParty, ...]:
    if len(addresses) != config.protocol.addresses:
        raise ConfigError(f"got {len(addresses)} addresses; the operators need {config.protocol.addresses}")
    k = config.protocol.aggregators
    compares = config.protocol.mode == "outcome" and config.private.security == "semi-honest"
    mpc = addresses[k : 2 * k] if compares else (None,) * k
    permutation = addresses[2 * k + 1 :] or (None,) * k
    return tuple(AggregatorParty(f"aggregator-{a}", addresses[a], mpc[a], permutation[a]) for a in range(k))


def _dealer(config: Config, addresses: Sequence[str]) -> DealerParty | None:
    k, permuted = config.protocol.aggregators, config.protocol.edges == "permuted"
    if config.protocol.mode == "sum":
        return DealerParty("dealer", addresses[k]) if config.private.security == "active" else None
    return DealerParty("dealer", addresses[2 * k], addresses[-1] if permuted else None)


def _cells(config: Config, data: ContactData, *, moves: bool) -> tuple[int, ...]:
    """Return the size of each cell: equal shares of everybody, or who is in it and its share of synthetic agents.

    Where agents move, everybody could be in each of them.
    """
    given, synthetic = config.cells, config.synthetic.agents
    if moves:
        return (data.people.size + synthetic,) * given.count
    if given.column is None:
        size = given.size or -(-(data.people.size + synthetic) // max(given.count, 1))
        return (size,) * given.count
    count = Counter(data.cell)
    crowded = next((name for name in sorted(count) if count[name] > (given.size or count[name])), None)
    if crowded is not None:
        raise ConfigError(
            f"cells.size is {given.size}, and cell {crowded} has {count[crowded]} of your people; set it to how many "
            "mix there, or leave it out"
        )
    return tuple(given.size or count[name] + -(-synthetic // len(count)) for name in sorted(count))


def _slug(value: str, column: str) -> str:
    """Return a client's name, as parties may be called, of a value of a column."""
    name = re.sub("[^a-z0-9._-]+", "-", value.lower()).strip("-._")
    if re.match(NAME, name) is None or re.match(ROLE, name):
        raise ConfigError(
            f"{column} is {value!r}, which no client can be called; name it by letters and digits, 63 at most"
        )
    return name


def _clients(config: Config, data: ContactData) -> tuple[ClientParty, ...]:
    """Return the clients, each with the numbers of its agents."""
    people = [int(person) for person in data.people]
    if config.private.clients == "one":
        return (ClientParty("everyone", tuple(people)),)
    if config.private.clients == "person":
        return tuple(ClientParty(f"person-{person}", (person,)) for person in people)
    if isinstance(config.private.clients, ClientColumn):
        return _by_column(data, config.private.clients.column)
    groups = sorted(set(data.group))
    return tuple(
        ClientParty(group.lower(), tuple(p for p, g in zip(people, data.group, strict=True) if g == group))
        for group in groups
    )


def _by_column(data: ContactData, column: str) -> tuple[ClientParty, ...]:
    """Return a client for each value of a column of own people.

    Raises:
        ConfigError: a value that no party can be called, or two that would be called alike.
    """
    names = {value: _slug(value, column) for value in sorted(set(data.group))}
    alike = [name for name, count in Counter(names.values()).items() if count > 1]
    if alike:
        raise ConfigError(f"two values of {column} would both be the client {alike[0]}; rename one")
    people: dict[str, list[int]] = {}
    for person, value in zip(data.people.tolist(), data.group, strict=True):
        people.setdefault(names[value], []).append(person)
    return tuple(ClientParty(name, tuple(people[name])) for name in sorted(people))
