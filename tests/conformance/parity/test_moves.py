"""Agents whose cell is a field of their state: a private run is the clear run, wherever they move, in every mode."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest
import torch

from aggregator.release.noise import ReleaseNoise
from client_sdk import ContactTable
from lpm_secure.engine.loop import PrivatePart, StepRelease, simulate
from lpm_secure.testbed.synthetic import draw_columns
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import DataError, ModelError, ParameterError
from protocols.models.agent_model import UNKNOWN
from protocols.models.gradient import Gradient
from protocols.releases.query import Release, Releases
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan
from tests.conformance.parity import test_graphs_of_models as graphs
from tests.conformance.parity import test_late_joiners as joiners
from tests.conformance.parity import test_masked_runs as masked
from tests.conformance.parity import test_scores_of_models as scores
from tests.conformance.parity.conftest import graph_model
from tests.conformance.parity.test_absences import Late
from tests.conformance.parity.test_absences_of_models import reference
from tests.conformance.parity.test_devices import as_devices
from tests.conformance.test_noised_runs import fixed_keys, noised  # noqa: F401, the fixture

AGENTS = (tuple(range(10, 15)), tuple(range(20, 23)), (30,), tuple(range(40, 44)))
N = sum(map(len, AGENTS))
STEPS, SYNTHETIC, CELLS = 6, 20, 3
CPU = torch.device("cpu")


@pytest.fixture
def testbed_of(manifest_of):
    """Return a function that makes a run of who moves; holders know where the first agents begin."""

    def build(name="density", *, known=(2, 0, 0), synthetic=SYNTHETIC, **changes):
        model, rng = graph_model(name), np.random.default_rng(4)
        given = {"steps": STEPS, "cells": (N + SYNTHETIC,) * CELLS, "engine": True, "mode": "outcome"} | changes
        own = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "max_message": 400}
        manifest = manifest_of(AGENTS, testbed_seed=8, **own, **given)
        a, zero = rng.integers(0, N, 20), np.zeros(20, np.int64)
        table = ContactTable(zero, a, (a + rng.integers(1, N, 20)) % N, zero, zero + 1)
        columns = draw_columns(manifest, np.array([agent for each in AGENTS for agent in each], dtype=np.uint64))
        columns |= {"place": np.array([*known, *[UNKNOWN] * (N - len(known))], dtype=np.int64)}
        return Testbed(manifest, table, zero[:0], synthetic, "drawn", True, columns=columns)

    return build


def begun(testbed):
    """Return where private agents are at first."""
    return np.concatenate([testbed.private_state(each.name).cell for each in testbed.manifest.clients])


@pytest.mark.parametrize(
    ("mode", "k"), [("outcome", 2), pytest.param("outcome", 3, marks=pytest.mark.slow), ("sum", 3)]
)
def test_a_private_run_of_who_moves_is_the_clear_run(mode, k, testbed_of, run_private, run_clear):
    testbed = testbed_of(mode=mode, k=k)
    graphs.check(testbed, run_private, run_clear)
    first, last = begun(testbed), run_clear(testbed).state["place"]
    assert first[:3].tolist() == [2, 0, 0]
    assert (first != last).sum() > N // 3
    assert len(set(last.tolist())) == CELLS


def test_where_agents_begin_changes_the_run(testbed_of, run_clear):
    everybody_in, nobody_knows = testbed_of(known=(1,) * N), testbed_of(known=())
    assert begun(everybody_in).tolist() == [1] * N
    assert run_clear(everybody_in).series.hash != run_clear(nobody_knows).series.hash


def test_a_masked_run_of_who_moves_is_the_clear_run(testbed_of, run_clear):
    masked.check(testbed_of(), run_clear)


@pytest.mark.parametrize("least", [pytest.param(2, marks=pytest.mark.slow), 5])
def test_small_counts_of_who_moves_are_suppressed_as_in_the_clear(least, testbed_of, run_private, run_clear):
    testbed = testbed_of("places", min_count=least)
    graphs.check(testbed, run_private, run_clear)
    assert run_clear(testbed).series.hash != run_clear(testbed_of("places")).series.hash


@pytest.mark.slow
def test_small_counts_of_who_moves_are_suppressed_in_a_masked_run(testbed_of, run_clear):
    masked.check(testbed_of("places", min_count=3), run_clear)


@pytest.mark.slow
def test_who_moves_over_permuted_edges_runs_as_in_the_clear(testbed_of, run_private, run_clear):
    graphs.check(as_devices(testbed_of()), run_private, run_clear)


@pytest.mark.slow
def test_scores_of_who_moves_are_those_of_the_clear_run(testbed_of, operators_of):
    testbed = scores.with_scores(testbed_of("places"))
    assert {"catching", "recovery", "start"} <= set(testbed.manifest.gradient.parameters)
    private = scores.check(testbed, operators_of)
    assert np.all(private.score != 0)


def test_whoever_misses_steps_moves_on_by_itself(testbed_of, run_private):
    testbed = testbed_of(synthetic=0, round_timeout_s=0.8, min_cohort=1)
    planned = {party.name: {1, 3} if party.name == "client-1" else set() for party in testbed.manifest.clients}

    def around(name, operators):
        return [Late(inner, operators.runs, planned[name]) for inner in operators.transports(name)]

    ending = run_private(testbed, around)
    missed = {name: set(steps) for name, steps in ending.missed.items()}
    assert missed["client-1"] >= {1, 3}
    for field, values in reference(testbed, missed, {}).items():
        np.testing.assert_array_equal(ending.state[field], values, err_msg=field)
    assert any(
        (values != ending.state[field]).any()
        for field, values in reference(testbed, planned | {"client-1": set()}, {}).items()
    )


@pytest.mark.slow
def test_who_joins_late_has_moved_by_itself(testbed_of, operators_of):
    testbed = testbed_of(
        synthetic=0, steps=joiners.STEPS, mode="sum", join_timeout_s=0.3, round_timeout_s=5.0, min_cohort=1
    )
    _, clients = joiners.ended(testbed, operators_of)
    missed = {client.private.name: set(client.missed) for client in clients}
    assert missed["client-0"] >= set(range(joiners.LATE))
    for field, values in reference(testbed, missed, {}).items():
        told = np.concatenate([client.private.state[field] for client in clients])
        np.testing.assert_array_equal(told, values, err_msg=field)


class Noised(PrivatePart):
    """The clear run, whose totals of cells get the noise of another run's aggregators."""

    def __init__(self, testbed, keys):
        self.agents, self._manifest = testbed.clear_agents(CPU), testbed.manifest
        self._noise = [
            ReleaseNoise(ReleasePlan.of(testbed.manifest), Layout.of(testbed.manifest), index, key)
            for index, key in enumerate(keys)
        ]

    async def advance(self, step, announced):
        rule = self._manifest.releases.of("cells")
        cells = self.agents.cell_totals() + sum(each.of(rule, step, len(self._manifest.cells)) for each in self._noise)
        tally = self.agents.tally()
        if step < self._manifest.steps:
            self.agents.update(cells + announced, step=step)
        return StepRelease(cells, tally, len(AGENTS), 0)


def test_noise_of_cells_where_agents_move_is_that_of_the_clear_run(testbed_of, run_private, run_clear, fixed_keys):  # noqa: F811
    releases = Releases(each=(Release(name="tally"), noised("cells", times=STEPS + 1)), rho=100.0)
    testbed = testbed_of("places", releases=releases)
    private, clear = run_private(testbed), Noised(testbed, fixed_keys)
    series = asyncio.run(simulate(testbed.manifest, clear, testbed.synthetic_agents(CPU)))
    assert private.series.counts.tolist() == series.counts.tolist()
    np.testing.assert_array_equal(private.state["place"], clear.agents.state["place"])
    exact = dataclasses.replace(testbed, manifest=msgspec.structs.replace(testbed.manifest, releases=None))
    assert private.series.hash != run_clear(exact).series.hash


def test_cells_that_are_not_those_of_who_moves_are_refused(testbed_of):
    for cells in ((), (N,) * 2, (N,) * 4, (N, N - 1, N)):
        with pytest.raises(ParameterError, match=r"move between the 3 cells of place, and all 13 could be in one"):
            testbed_of(cells=cells)
    testbed = testbed_of(cells=(N,) * CELLS)
    with pytest.raises(DataError, match="20 agents move between the 3 cells of place, each of which could hold"):
        testbed.synthetic_agents(CPU)
    given = dataclasses.replace(testbed, cell=np.zeros(N, dtype=np.int64))
    with pytest.raises(DataError, match="their cells are the field place; give none"):
        given.private_state("client-0")
    with pytest.raises(DataError, match="a cell of 13 agents"):
        given.clear_agents(CPU)


@pytest.mark.parametrize("way", ["tangents", "adjoints"])
def test_tangents_and_adjoints_of_who_moves_are_refused(way, testbed_of):
    gradient = Gradient(way=way, parameters=("start",), clip=1.0, tangent_bits=30)
    with pytest.raises(ModelError, match="agents move between the cells of place"):
        testbed_of("places", mode="sum", gradient=gradient)


def test_what_is_not_counted_of_several_channels_of_cells_is_refused(testbed_of):
    with pytest.raises(ParameterError, match="min_count is for models of one field of stages"):
        testbed_of(min_count=3)
    releases = Releases(each=(Release(name="tally"), noised("cells", times=STEPS + 1)), rho=100.0)
    with pytest.raises(ParameterError, match="noise of cells covers one message of at most 1"):
        testbed_of(releases=releases)
