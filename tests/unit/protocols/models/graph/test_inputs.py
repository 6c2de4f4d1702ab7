"""Agents take nothing in that their model's graph was not proved for, on any back end."""

import msgspec
import numpy as np
import pytest

import lpm_secure.models as lpm
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from lpm_secure.engine.model_agents import ModelAgents
from lpm_secure.models.tracer import trace
from protocols.errors import DataError, ParameterError
from protocols.models.agent_model import UNKNOWN
from protocols.models.graph.inputs import check_public, state_before_begin

N = 4


class Weather(lpm.Model):
    """A model that reads tables by what the environment says, by what its holder knows, and by a private column."""

    mood = lpm.field(0, 3)
    wealth = lpm.field(0, 2**40)
    income = lpm.private(0, 2**20)
    sky = lpm.public(0, 3)
    prices = lpm.parameter((3, 1, 4, 1), bounds=(0, 9))
    stay = lpm.parameter((2**31, 2**31), unit=lpm.LAW, days=4)

    def begin(self, me, draw):
        return me.set(mood=lpm.table(3, 2, 1, 0)[me.mood], wealth=0)

    def update(self, me, heard, draw):
        spent = self.prices[heard[self.sky]] + draw.days(self.stay, "stay")
        return me.set(mood=lpm.clip(spent, 0, 3), wealth=me.income * me.income)


TRACED = trace(Weather)
INCOME = {"income": np.full(N, 2**18)}


def agents(backend=NumpyBackend, **changes):
    """Return agents of the model, with some of what they are given changed."""
    given = {"parameters": TRACED.parameters, "columns": INCOME} | changes
    parameters = given.pop("parameters")
    return ModelAgents(backend(TRACED.graph), parameters, agents=np.arange(N, dtype=np.uint64), key=(1, 2), **given)


@pytest.mark.parametrize("backend", [NumpyBackend, NumbaBackend])
@pytest.mark.parametrize("public", [{}, {"sky": 4}, {"sky": -1}, {"sky": 10**9}, {"sky": 0.5}, {"sky": 1, "sea": 1}])
def test_a_public_number_that_was_not_declared_never_reaches_a_table(backend, public):
    world = agents(backend)
    with pytest.raises(ParameterError, match="sky") as refused:
        world.update(public)
    assert "\n" not in str(refused.value)
    assert world.step == 0


@pytest.mark.parametrize("number", [3, np.int64(3), np.array(3), np.array([3])])
@pytest.mark.parametrize("n", [1, N])
def test_one_public_number_is_taken_however_it_is_given(number, n):
    assert check_public(TRACED.graph.public, {"sky": number}, n=n) == {"sky": 3}


def test_public_numbers_of_several_runs_are_one_for_each_agent():
    told = np.array([3, 0, 1, 2])
    assert check_public(TRACED.graph.public, {"sky": told}, n=N)["sky"].tolist() == told.tolist()
    for wrong in (told[:2], told + 1, told.tolist()):
        with pytest.raises(ParameterError, match="sky"):
            check_public(TRACED.graph.public, {"sky": wrong}, n=N)


@pytest.mark.parametrize("backend", [NumpyBackend, NumbaBackend])
@pytest.mark.parametrize(
    "known",
    [
        {"mood": np.array([0, 1, 4, 2])},
        {"mood": np.full(N, 10**9)},
        {"mood": np.zeros(N + 1, np.int64)},
        {"mood": np.full(N, 1.5)},
        {"mood": np.full(N, 2**63, np.uint64)},
        {"income": np.zeros(N, np.int64)},
        {"gender": np.zeros(N, np.int64)},
    ],
)
def test_what_is_known_is_held_to_its_fields_range(backend, known):
    with pytest.raises(DataError) as refused:
        agents(backend, known=known)
    assert "\n" not in str(refused.value)
    assert "10**9" not in str(refused.value)


def test_what_nobody_knows_is_drawn():
    world = agents(known={"mood": np.array([UNKNOWN, 3, UNKNOWN, 3])})
    assert world.state["mood"].tolist() == [3, 3, 3, 3]


@pytest.mark.parametrize("backend", [NumpyBackend, NumbaBackend])
@pytest.mark.parametrize("kind", [np.int32, np.uint32, np.uint64, np.int64])
def test_a_narrow_private_column_counts_as_64_bits(backend, kind):
    world = agents(backend, columns={"income": np.full(N, 2**18, kind)})
    world.update({"sky": 1})
    assert world.state["wealth"].tolist() == [2**36] * N


@pytest.mark.parametrize("column", [np.full(N, 1.5), np.full(N, 2**63, np.uint64), np.full(N, -1), np.full((N, 1), 1)])
def test_a_private_column_of_something_else_is_refused(column):
    with pytest.raises(DataError):
        agents(columns={"income": column})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prices", (3, 1, 4)),
        ("prices", 3),
        ("prices", (3, 1, 4, 1, 5)),
        ("prices", (3, 1, 4, 10)),
        ("prices", (3, 1, 4, 1.5)),
        ("prices", ()),
        ("prices", ((3, 1), (4,))),
        ("stay", (2**31,)),
        ("stay", (2**31, 2**31 + 1)),
        ("stay", (0.5, 0.5)),
        ("stay", (2**30, 2**30, 2**30, 2**29, 2**29)),
    ],
)
@pytest.mark.parametrize("backend", [NumpyBackend, NumbaBackend])
def test_a_table_that_was_not_declared_is_refused(backend, name, value):
    with pytest.raises(ParameterError, match=name) as refused:
        agents(backend, parameters={**TRACED.parameters, name: value})
    assert "\n" not in str(refused.value)


def test_a_single_number_is_whole_and_one():
    parameters = {
        **TRACED.graph.parameters,
        "prices": msgspec.structs.replace(TRACED.graph.parameters["prices"], length=0),
    }
    graph = msgspec.structs.replace(TRACED.graph, parameters=parameters, nodes=TRACED.graph.nodes[:1])
    backend = NumpyBackend(graph)
    for value in (2.5, (1, 2), 2**64, "3"):
        with pytest.raises(ParameterError, match="prices"):
            ModelAgents(
                backend,
                {**TRACED.parameters, "prices": value},
                agents=np.arange(N, dtype=np.uint64),
                key=(1, 2),
                columns=INCOME,
            )


def test_before_they_begin_agents_hold_what_is_known_the_least_of_a_range_too_and_columns_are_not_known():
    given = INCOME | {"mood": np.array([UNKNOWN, 0, 1, 3])}
    state, known = state_before_begin(TRACED.graph, given, N)
    assert {name: values.tolist() for name, values in state.items()} == {
        "mood": [0, 0, 1, 3],
        "wealth": [0] * N,
        "income": [2**18] * N,
    }
    assert known["mood"].tolist() == [False, True, True, True]
    assert not known["wealth"].any()
    assert not known["income"].any()
