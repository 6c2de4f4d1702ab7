"""All people of problems of gradients: as many as they say, in their model's ranges, and the same for one seed."""

import numpy as np
import pytest

from lpm_secure.analysis.sensitivity.problem_config import ProblemConfig
from lpm_secure.analysis.sensitivity.setup import setup_of
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.gradients.history.recorder import HistoryRecorder
from lpm_secure.populations.synthesis import look_alike
from protocols.models.agent_model import UNKNOWN
from protocols.models.likelihood.dependence import Dependence
from tests.ward import write_ward

SIMULATED = {
    "drawn": {"model": "opinion", "agents": 40},
    "homogeneous": {"model": "opinion", "agents": 40, "degree": 4},
    "look_alike": {"model": "opinion"},
    "city": {"model": "strains", "exposure": {"household": 2.0, "school": 1.0, "workplace": 1.0, "community": 1.0}},
    "cells": {"model": "seir", "agents": 40},
    "columns": {"model": "work", "agents": 40, "columns": {"wage": (80, 120)}},
}


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Return the folder of a city that a configuration names."""
    return str(look_alike.build(tmp_path_factory.mktemp("city") / "city", agents=600, seed=1).path)


@pytest.fixture(params=[*SIMULATED, "own"])
def setup(request, tmp_path, city):
    """Return a function that makes a problem among people of one kind, by a seed."""
    name = request.param
    given = {"run": str(write_ward(tmp_path))} if name == "own" else SIMULATED[name]
    kind = {"population": name} if name in ("homogeneous", "look_alike", "city") else {}
    kind |= {"folder": city} if name == "city" else {}
    return lambda seed: setup_of(ProblemConfig(name=name, steps=3, **given, **kind), seed=seed)


def series_of(setup):
    return setup.problem.run(setup.theta, range(4), NumpyBackend(setup.problem.graph))


def test_people_are_the_same_for_one_seed_and_have_what_their_model_reads(setup):
    one = setup(1).problem
    people, graph = one.people, one.graph
    assert 0 <= people.synthetic < people.n
    assert {name for name, field in graph.fields.items() if field.private} <= people.columns.keys()
    for name, column in people.columns.items():
        field = graph.fields[name]
        assert column.shape == (people.n,)
        assert ((column == UNKNOWN) | ((field.low <= column) & (column <= field.high))).all()
    again = setup(1).problem.people
    assert people.n == again.n
    assert all(np.array_equal(column, again.columns[name]) for name, column in people.columns.items())


def test_everybody_is_in_one_stage_in_every_step_and_the_same_people_have_the_same_series(setup):
    one = setup(1)
    series = series_of(one)
    stages = len(next(field for _, field in sorted(one.problem.graph.fields.items()) if field.stages).stages)
    assert (series[:, :stages].sum(axis=1) == one.problem.people.n).all()
    np.testing.assert_array_equal(series, series_of(setup(1)))


def test_a_recorded_run_has_the_same_series(setup):
    one = setup(1)
    recorder = HistoryRecorder(one.problem, one.theta, range(4), Dependence.of(one.problem.graph))
    np.testing.assert_array_equal(recorder.run().series, series_of(one))


@pytest.fixture
def ward(tmp_path):
    return write_ward(tmp_path)


def test_what_is_known_of_people_stands_at_the_beginning(ward):
    setup = setup_of(ProblemConfig(name="own", run=str(ward)), seed=1)
    assert setup.problem.people.n == 20 + 12
    theta = setup.theta.shift(setup.theta.names.index("initial"), -setup.theta[setup.theta.names.index("initial")])
    series = setup.problem.run(theta, range(30), NumpyBackend(setup.problem.graph))
    assert (series[:, :, 0] == [32 - 3, 0, 3, 0]).all()


@pytest.mark.parametrize("known", [False, True])
def test_days_since_when_people_are_ill_leave_stays_differences_alone_where_some_are_known(ward, known):
    write_ward(ward.parent, since=1 if known else None)
    setup = setup_of(ProblemConfig(name="own", run=str(ward)), seed=1)
    assert bool(setup.problem.dependence.why_not("infectious_law")) is known
    assert setup.problem.dependence.why_not("contact_rate") is None
