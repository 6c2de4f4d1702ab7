"""Many agents in the clear are computed by the generated step, with the bits of those that are not compiled."""

import numpy as np
import pytest
import torch

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine import clear_agents
from lpm_secure.engine.graph_population import VenuePopulation
from lpm_secure.models.tracer import trace
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models.agent_model import AgentSource
from protocols.models.graph.agents import GraphModel
from tests.conformance.engines.test_venue_models import Mood

N, STEPS, CPU = 200, 12, torch.device("cpu")


def runs_of(manifest, contacts, cell, monkeypatch):
    """Return agents of a manifest as few and as many are computed."""
    source = AgentSource(np.arange(N, dtype=np.uint64) + np.uint64(7), (3, 4))
    for few in (N, 0):
        monkeypatch.setattr(clear_agents, "FEW", few)
        yield clear_agents.clear_agents(manifest.dynamics, source, cell=cell, device=CPU, contacts=contacts)


@pytest.mark.parametrize(
    ("kind", "met"),
    [
        ("table", True),
        ("graph", False),
        pytest.param("table", False, marks=pytest.mark.slow),
        pytest.param("graph", True, marks=pytest.mark.slow),
    ],
)
def test_many_agents_have_the_bits_of_few(manifest_of, seir, monkeypatch, kind, met):
    draw, cells = np.random.default_rng(8), (70, 60, 90)
    a = draw.integers(N, size=900)
    b = (a + draw.integers(1, N, size=900)) % N
    channels = 2 if kind == "table" else 1
    columns = (draw.integers(2, size=900), a, b, draw.integers(channels, size=900), draw.integers(1, 4, 900))
    contacts = ContactTable(*columns) if met else None
    model = seir(beta=(2**20, 2**21), cell_beta=2**22, initial=LAW_TOTAL // 20, f=24)
    names, public = ("near", "far"), []
    if kind == "graph":
        model = GraphModel(trace(Mood).graph, dict(trace(Mood).parameters))
        names, public = ("talk",), [2]
    given = {"model": model, "model_hash": model.digest, "channels": names, "cells": cells, "period": 2, "engine": True}
    manifest = manifest_of([range(N)], steps=STEPS, **given)
    few, many = runs_of(manifest, contacts, draw.integers(3, size=N), monkeypatch)
    assert isinstance(many, VenuePopulation)
    assert not isinstance(few, VenuePopulation)
    seen = set()
    for step in range(STEPS):
        seen.add(tuple(few.tally()))
        np.testing.assert_array_equal(many.tally(), few.tally())
        totals = few.cell_totals()
        np.testing.assert_array_equal(many.cell_totals(), totals)
        for agents in (few, many):
            agents.update(np.concatenate([totals + 3, public]).astype(np.int64), step=step)
    assert len(seen) > 3


def test_what_is_known_of_many_agents_of_a_table_counts(manifest_of, seir, monkeypatch):
    monkeypatch.setattr(clear_agents, "FEW", 0)
    model = seir(beta=(2**20, 2**21), initial=0)
    manifest = manifest_of([range(N)], model=model, model_hash=model.digest)
    source = AgentSource(np.arange(N, dtype=np.uint64), (3, 4))
    columns = {"stage": np.arange(N) % 4, "susceptibility": np.full(N, 2**15)}
    given = {"cell": np.zeros(0, dtype=np.int64), "device": CPU, "columns": columns}
    made = clear_agents.clear_agents(manifest.dynamics, source, **given)
    assert made.tally().tolist() == [N // 4] * 4


def test_runs_that_a_generated_step_does_not_know_are_not_compiled(manifest_of, seir):
    model = seir()
    manifest = manifest_of(model=model)
    assert clear_agents.is_compiled(manifest.dynamics, {}, CPU)
    assert not clear_agents.is_compiled(manifest.dynamics, {"stage": np.zeros(3, dtype=np.int64)}, CPU)
    assert not clear_agents.is_compiled(manifest.dynamics, {}, torch.device("cuda"))
    graph = GraphModel(trace(Mood).graph, dict(trace(Mood).parameters))
    manifest = manifest_of(model=graph, model_hash=graph.digest, channels=("talk",), cells=(30,), engine=True)
    assert clear_agents.is_compiled(manifest.dynamics, {}, CPU)
    assert not clear_agents.is_compiled(manifest.dynamics, {"mood": np.zeros(3, dtype=np.int64)}, CPU)
