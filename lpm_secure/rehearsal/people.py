"""Made-up people of a project: as many as it says, with columns in their ranges, and contacts as often as it says."""

from typing import Final

import numpy as np
import numpy.typing as npt

from lpm_secure.data.contact_data import ContactData
from lpm_secure.project.project_file import EngineEntry, ProjectFile, RehearsalConfig
from lpm_secure.testbed.synthetic import Synthetic, draw_columns
from lpm_secure.testbed.testbed import Testbed, contact_table
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ConfigError, DataError
from protocols.models.agent_model import UNKNOWN, AgentModel, AgentSource, Columns, ColumnSpec
from protocols.task.layout import Layout
from protocols.task.manifest import SimulationManifest

Bools = npt.NDArray[np.bool_]
MOST_WEIGHT: Final = 20  # of a contact that is made up
SOURCE: Final = "people made up for a rehearsal"


def draw_people(project: ProjectFile, manifest: SimulationManifest) -> Testbed:
    """Return a project's people, drawn by the seed of its manifest.

    Raises:
        ConfigError: no contact is within `max_message`, or the engine's agents do not fit.
    """
    draw = np.random.default_rng(manifest.testbed_seed or 0)
    order = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.int64)
    model, n = manifest.model.agents, order.size
    rows = _contacts(draw, manifest, project.rehearsal)
    weight = draw.integers(1, _largest_weight(manifest, model), rows.shape[1], endpoint=True)
    data = ContactData(
        people=np.sort(order),
        group=(),
        days=manifest.period,
        day=rows[0],
        a=order[rows[1]],
        b=order[rows[2]],
        weight=np.asarray(weight, dtype=np.int64),
        source=SOURCE,
        look_alike=True,
    )
    stays = model.cell_field is None  # who moves is where the model says
    sizes = np.array(manifest.cells if stays else (), dtype=np.float64)
    cell = draw.choice(sizes.size, n, p=sizes / sizes.sum()) if sizes.size else np.zeros(0, dtype=np.int64)
    if manifest.twins:
        each = [np.repeat(np.arange(sizes.size), manifest.twins[client.name]) for client in manifest.clients]
        cell = np.concatenate(each)
    numbers, engine = order.astype(np.uint64), project.engine
    columns, environment = draw_columns(manifest, numbers), {}
    if isinstance(engine, EngineEntry):
        environment = engine.environment
    synthetic = Synthetic.of(project.synthetic, engine.columns if isinstance(engine, EngineEntry) else {})
    synthetic.check(manifest)
    known = (
        {}
        if manifest.gradient is not None
        else _known(draw, model, columns, some=draw.random(n) < project.rehearsal.known)
    )
    return Testbed(
        manifest,
        contact_table(manifest, data, order),
        cell,
        project.synthetic.agents,
        SOURCE,
        True,
        synthetic,
        columns | known,
        environment=environment,
    )


def _contacts(draw: np.random.Generator, manifest: SimulationManifest, given: RehearsalConfig) -> I64:
    """Return step, and both slots, of each pair that is in contact, int64[3, m]; each pair once in a step."""
    bounds = np.array(list(Layout.of(manifest).own.values()), dtype=np.int64).reshape(-1, 2)
    n = int(bounds[-1, 1]) if bounds.size else 0
    if n < 2:
        return np.zeros((3, 0), dtype=np.int64)
    rows = []
    for step in range(manifest.period):
        count = draw.poisson(given.contacts * n / 2)
        a = draw.integers(0, n, count)
        first, end = bounds[np.searchsorted(bounds[:, 1], a, side="right")].T
        away = (draw.random(count) < given.between) | (end - first < 2)
        b = np.where(away, draw.integers(0, n, count), draw.integers(first, end))
        pairs = np.unique(np.stack([np.minimum(a, b), np.maximum(a, b)])[:, a != b], axis=1)
        if manifest.devices is not None:
            pairs = _within_degree(draw.permutation(pairs, axis=1), n, manifest.devices.degree)
        rows.append(np.concatenate([np.full((1, pairs.shape[1]), step), pairs]))
    return np.concatenate(rows, axis=1)


def _within_degree(pairs: I64, n: int, degree: int) -> I64:
    """Return those pairs that leave nobody with more contacts than devices have slots for."""
    count, kept = np.zeros(n, dtype=np.int64), []
    for place, (a, b) in enumerate(pairs.T.tolist()):
        if max(count[a], count[b]) < degree:
            count[[a, b]] += 1
            kept.append(place)
    return pairs[:, kept]


def _largest_weight(manifest: SimulationManifest, model: AgentModel) -> int:
    most = max((most for most, along in zip(model.most, model.along, strict=True) if along is None), default=1)
    if most > manifest.max_message:
        raise ConfigError(
            f"max_message is {manifest.max_message}, and one message of the model may be {most}; raise it"
        )
    return min(manifest.max_message // max(most, 1), MOST_WEIGHT)


def _known(draw: np.random.Generator, model: AgentModel, columns: Columns, *, some: Bools) -> dict[str, I64]:
    """Return what is known of some people's first day: stages and since when; stages alone; or nothing.

    What the model takes of these comes first: some combinations are no state of it.
    """
    specs, n = [spec for spec in model.columns if spec.default == UNKNOWN], some.size
    for chosen in (specs, [spec for spec in specs if spec.names]):
        known = {spec.name: np.where(some, _drawn(draw, spec, n), UNKNOWN) for spec in chosen}
        try:
            model.initial_state(AgentSource(np.arange(1, n + 1, dtype=np.uint64), (0, 0)), {**columns, **known})
        except DataError:
            continue
        return known
    return {}


def _drawn(draw: np.random.Generator, spec: ColumnSpec, n: int) -> I64:
    low, high = int(spec.low) << spec.bits, int(spec.high) << spec.bits
    return draw.integers(low, min(high, low + 1 if spec.elapsed else high) + 1, n)
