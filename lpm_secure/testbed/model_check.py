"""The check of a model: traced, proved, and run on every back end in a drawn world, to the same bits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import Backend, NumpyBackend
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from lpm_secure.engine.model_agents import CellMixing, ContactMatrices, ModelAgents
from lpm_secure.environments.uniform_draws import UniformDraws
from lpm_secure.models.model import Model
from lpm_secure.models.tracer import Trace, trace
from protocols.models.graph import ModelGraph

BACKENDS: Final[Mapping[str, Callable[[ModelGraph], Backend]]] = {"numpy": NumpyBackend, "numba": NumbaBackend}
PERIOD: Final = 2
CELLS: Final = 4


@final
@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What a check found.

    Attributes:
        trace: of the model.
        differences: by back end, the first step and number that is not the interpreter's, or not in its declared range;
            empty where all agree.
        tallies: by stage field, how many are in each stage at the beginning and at the end of the drawn world.
        backends: that were held against each other.
    """

    trace: Trace
    differences: Mapping[str, str]
    tallies: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    backends: tuple[str, ...]


def check_model(model: type[Model], *, agents: int = 500, steps: int = 20, seed: int = 1) -> ModelCheck:
    """Trace a model, prove its bounds, and run it on every back end.

    Args:
        model: of an author.
        agents, steps, seed: of the drawn world.

    Raises:
        ModelError: in one line with the place in the author's file.
    """
    traced = trace(model)
    worlds = {name: draw_world(traced, make, n=agents, seed=seed, steps=steps) for name, make in BACKENDS.items()}
    reference = worlds["numpy"]
    first = {name: tuple(counts.tolist()) for name, counts in reference.tally().items()}
    differences: dict[str, str] = {}
    environment = UniformDraws(traced.graph.public, seed)
    for step in range(steps):
        public = environment.step({}, (), step)
        for world in worlds.values():
            world.update(public)
        for name, world in worlds.items():
            if name not in differences:
                for what in _difference(reference, world) + find_outside(traced.graph, world):
                    differences[name] = f"step {step}: {what}"
    last = {name: tuple(counts.tolist()) for name, counts in reference.tally().items()}
    tallies = {name: (first[name], last[name]) for name in first}
    return ModelCheck(traced, differences, tallies, tuple(BACKENDS))


def draw_world(
    traced: Trace, backend: Callable[[ModelGraph], Backend], *, n: int, seed: int, steps: int
) -> ModelAgents:
    """Return agents with drawn contacts on every channel, drawn cells and drawn private columns."""
    rng, graph = np.random.default_rng(seed), traced.graph
    ranges = [each.along or (1, 1) for _, each in sorted(graph.channels.items()) if not each.cell] or [(1, 1)]
    m = 4 * n * len(ranges)
    a = rng.integers(0, n, m)
    b = (a + rng.integers(1, n, m)) % n
    channel = rng.integers(0, len(ranges), m)
    day = rng.integers(0, PERIOD, m)
    low, high = np.array(ranges, dtype=np.int64)[channel].T
    of = rng.integers(0, CELLS, n)
    cells = CellMixing(of, np.bincount(of, minlength=CELLS))
    if graph.cell_field is not None:
        cells = CellMixing(of[:0], np.full(len(graph.fields[graph.cell_field].cells), n))
    columns = {
        name: rng.integers(field.low, min(field.high, field.low + 9) + 1, n)
        for name, field in sorted(graph.fields.items())
        if field.private
    }
    table = ContactTable(day, a, b, channel, rng.integers(low, high, endpoint=True))
    return ModelAgents(
        backend(graph),
        traced.parameters,
        agents=np.arange(n, dtype=np.uint64),
        key=(seed, 0),
        contacts=ContactMatrices(table, graph.channels, n=n, period=PERIOD),
        cells=cells,
        columns=columns,
        steps=steps,
    )


def find_outside(graph: ModelGraph, world: ModelAgents) -> list[str]:
    """Return the first field that left its declared range, in words: bounds are proved, and this is their test."""
    return [
        f"{name}, which leaves its declared range"
        for name, field in graph.fields.items()
        if world.state[name].min() < field.low or world.state[name].max() > field.high
    ][:1]


def _difference(one: ModelAgents, other: ModelAgents) -> list[str]:
    held = {**one.state, **one.levels}
    also = {**other.state, **other.levels}
    return [name for name in held if not np.array_equal(held[name], also[name])][:1]
