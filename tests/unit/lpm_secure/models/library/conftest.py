"""Worlds of the library's models, small enough to be known by hand or simulated once more in plain Python."""

import numpy as np
import pytest

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.model_agents import CellMixing, ContactMatrices, ModelAgents
from lpm_secure.models.tracer import trace
from protocols.models.graph.inputs import check_parameters


@pytest.fixture(scope="session")
def world_of():
    """Return a maker of agents of a model, among contacts (from, to, weight) and in one cell."""
    traces = {}

    def make(model, n, contacts=(), *, seed=1, cell=0, columns=None, known=None, **parameters):
        traced = traces.setdefault(model, trace(model))
        channels = traced.graph.channels
        count = sum(not channel.cell for channel in channels.values())
        rows = [(0, a, b, channel, weight) for a, b, weight in contacts for channel in range(count)]
        table = ContactTable(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)
        given = dict(traced.parameters) | parameters
        check_parameters(traced.graph, given)
        return ModelAgents(
            NumpyBackend(traced.graph),
            given,
            agents=np.arange(n, dtype=np.uint64),
            key=(seed, 17),
            contacts=ContactMatrices(table, channels, n=n, period=1),
            cells=CellMixing(np.zeros(n if cell else 0, dtype=np.int64), np.array([cell] if cell else [], np.int64)),
            columns={name: np.asarray(values) for name, values in (columns or {}).items()},
            known={name: np.asarray(values) for name, values in (known or {}).items()},
        )

    return make


@pytest.fixture(scope="session")
def series_of():
    """Return a list of what a field is, as plain numbers, before the first step and after each."""

    def run(world, field, steps):
        series = [world.state[field].tolist()]
        for _ in range(steps):
            world.update()
            series.append(world.state[field].tolist())
        return series

    return run
