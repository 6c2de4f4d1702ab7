"""Parameters with an entry for each group and period: every agent reads its own, and a wrong shape is one line."""

import numpy as np
import pytest

import lpm_secure.models as lpm
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.config.simulation import load
from lpm_secure.models.tracer import trace
from protocols.arithmetic.fixed_point import to_fixed
from protocols.errors import ModelError, ParameterError
from protocols.models.graph import GraphAxis, GraphParameter
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.checks import check
from protocols.report.model_report import words_of
from tests.user_models import Seasons

NAME = "tests.user_models:Seasons"
WARDS, AGES, WEEKS, STEPS_OF_A_WEEK = 2, 3, 3, 2


def seasons(**given):
    return graph_model_of(NAME, given).parameters


def test_a_value_is_given_for_all_along_one_axis_or_one_by_one():
    assert seasons(spread=2)["spread"] == (2,) * 6
    assert seasons(spread={"age": (1, 2, 3)})["spread"] == (1, 2, 3, 1, 2, 3)
    assert seasons(spread={"ward": (1, 2)})["spread"] == (1, 1, 1, 2, 2, 2)
    assert seasons(spread=((0, 1, 2), (3, 4, 5)))["spread"] == (0, 1, 2, 3, 4, 5)
    assert seasons(falls={"week": (0.5, 0.25, 0)})["falls"] == (2**31, 2**30, 0) * 3


def test_of_periods_the_last_value_that_is_given_holds_on():
    assert seasons(season=(4, 2))["season"] == (4, 2, 2)
    assert seasons(falls={"week": (0.5,)})["falls"] == (2**31,) * 9
    assert seasons(falls=((0.5, 0.25), (0.5,), (0,)))["falls"] == (2**31, 2**30, 2**30, 2**31, 2**31, 2**31, 0, 0, 0)


def test_laws_of_groups_are_rows_of_one_length():
    assert seasons()["stay"] == (2**31, 2**31, 0, 2**32, 0, 0, 0, 0, 2**32)
    assert seasons(stay=(2**31, 2**31))["stay"] == (2**31, 2**31) * 3
    assert seasons(stay={"age": ((2**32,),) * 3})["stay"] == (2**32,) * 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"spread": {"week": (1, 2, 3)}}, "parameters.spread is given by week; give it by one of ward, age"),
        ({"spread": {"ward": (1, 2), "age": (1, 2, 3)}}, "is given by ward, age; give it by one of"),
        ({"spread": {"age": (1, 2)}}, "parameters.spread has 2 values by age; give 3, of 3 to 5"),
        ({"spread": {"age": 3}}, "parameters.spread has 3 by age; give 3"),
        ({"spread": ((1, 2), (3, 4))}, "has 2 values by age; give 3"),
        ({"spread": (1, 2)}, "parameters.spread has 1 by age; give 3"),
        ({"spread": (((1,),) * 3,) * 2}, r"parameters.spread is \(1,\); it is one number"),
        ({"spread": {"ward": (1, 6)}}, r"parameters.spread is 6; it must lie in \[0, 5\]"),
        ({"season": ()}, "parameters.season has 0 values by week; give 3"),
        ({"stay": 3}, "it is a list|has 3 by age"),
        ({"stay": ((2**32,), (2**32,), (2**31,))}, "parameters.stay"),
        ({"stay": ((2**32,), (2**32,), (2**30,) * 4)}, "stay has 12 numbers; it must have 3 x 3"),
    ],
)
def test_a_wrong_shape_is_one_line(given, said):
    with pytest.raises(ParameterError, match=said) as caught:
        seasons(**given)
    assert "\n" not in str(caught.value)


def test_every_agent_reads_the_entry_of_its_groups_and_of_the_week():
    rng, n, graph = np.random.default_rng(2), 60, trace(Seasons).graph
    table = rng.integers(0, 6, (WARDS, AGES))
    weeks, dice = rng.integers(0, 5, WEEKS), np.round(rng.random((AGES, WEEKS)), 3)
    given = {"spread": tuple(map(tuple, table.tolist())), "season": tuple(weeks.tolist())}
    model = graph_model_of(NAME, given | {"falls": tuple(map(tuple, dice.tolist()))})
    assert model.parameters["falls"] == tuple(to_fixed(p, f=32, name="p") for p in dice.reshape(-1).tolist())
    ward, age = rng.integers(0, WARDS, n), rng.integers(3, 3 + AGES, n)
    state = {"ward": ward, "age": age, "bears": np.full(n, 40), "left": np.full(n, 3), "state": np.ones(n, np.int64)}
    for step in range(9):
        week = min(step // STEPS_OF_A_WEEK, WEEKS - 1)
        held = state | {"step": np.full(n, min(step, graph.fields["step"].high))}
        np.testing.assert_array_equal(model.agents.messages(held)[:, 0], table[ward, age - 3] * weeks[week])


def test_the_clock_counts_steps_and_stops_in_the_last_period():
    graph = trace(Seasons).graph
    assert (graph.fields["step"].low, graph.fields["step"].high) == (0, WEEKS * STEPS_OF_A_WEEK - 1)
    assert "step" not in trace(Timeless).graph.fields


class Timeless(lpm.Model):
    """By groups alone."""

    mood = lpm.field(0, 9)
    age = lpm.private(0, 2)
    start = lpm.parameter((1, 2, 3), bounds=(0, 9), by="age")

    def begin(self, me, draw):
        return me.set(mood=self.start)

    def update(self, me, heard, draw):
        return me.set(mood=self.start)


def test_the_graph_has_a_name_for_each_entry_and_the_page_says_what_they_are_by():
    model = graph_model_of(NAME, {})
    falls = model.graph.parameters["falls"]
    assert list(falls.entries())[:4] == ["age=3, week=0", "age=3, week=1", "age=3, week=2", "age=4, week=0"]
    assert len(list(falls.entries())) == falls.rows == len(model.parameters["falls"])
    words = words_of(model)["parameters"]
    assert words["falls"] == "0 to 0.5, by age (3 to 5) and week (0 to 2)"
    assert words["stay"] == "a law for each age (3 to 5)"


def test_axes_that_do_not_fit_the_table_are_refused():
    graph = trace(Timeless).graph
    for axes in ((GraphAxis("age", 0, 1),), (GraphAxis("age", 2, 0),), (GraphAxis("age", -(2**63), 2**63 - 1),) * 2):
        parameter = GraphParameter(0, 9, length=1, rows=3, axes=axes)
        with pytest.raises(ModelError, match="the axes of start have"):
            check(
                type(graph)(
                    **{name: getattr(graph, name) for name in graph.__struct_fields__}
                    | {"parameters": {"start": parameter}}
                )
            )


def test_a_table_that_is_not_whole_is_refused():
    with pytest.raises(ParameterError, match="start has 2 numbers; it must have 3 x 1"):
        GraphModel(trace(Timeless).graph, {"start": (1, 2)})
    with pytest.raises(ParameterError, match="it must lie in"):
        GraphModel(trace(Timeless).graph, {"start": (1, 2, 10)})


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"start": lambda: lpm.parameter(1, by="mood")}, "by mood, which is no private column of this model"),
        ({"start": lambda: lpm.parameter(1, by="height")}, "by height, which is no private column of this model"),
        ({"start": lambda: lpm.parameter((1, 2), by="age")}, "test_axes.py:.*: start has 2 values by age; give 3"),
        ({"start": lambda: lpm.parameter((1, 2, 11), bounds=(0, 9), by="age")}, "start is 11; it must lie in"),
        ({"start": lambda: lpm.parameter(11, bounds=(0, 9), by="age")}, "start is 11; it must lie in"),
        ({"start": lambda: lpm.parameter((1, 2, 3), by="age")}, "begin of mood can be"),
        (
            {"start": lambda: lpm.parameter(1, over=lpm.period("day", steps=0, count=2))},
            "2 periods of 0 steps are none",
        ),
        (
            {
                "start": lambda: lpm.parameter(1, over=lpm.period("day", steps=1, count=2)),
                "step": lambda: lpm.field(0, 1),
            },
            "step is declared, and it counts the steps for start; rename it",
        ),
    ],
)
def test_a_wrong_declaration_is_one_line_with_its_place(declared, said):
    with pytest.raises(ModelError, match=said) as caught:
        trace(type("Other", (Timeless,), {name: make() for name, make in declared.items()}))
    assert "\n" not in str(caught.value)


def test_what_changes_with_time_is_no_threshold_that_is_told_once():
    class Told(lpm.Model):
        mood = lpm.field(0, 9)
        limit = lpm.parameter(1, bounds=(0, 9), over=lpm.period("week", steps=7, count=2))
        talk = lpm.message(most=1)
        loud = lpm.outcome(talk)

        def begin(self, me, draw):
            return me.set(mood=0)

        def says(self, me):
            return {self.talk: 1}

        def threshold(self, me):
            return {self.loud: self.limit}

        def update(self, me, heard, draw):
            return me.set(mood=lpm.where(heard[self.loud], 1, 0))

    with pytest.raises(ModelError, match="told once, and step changes it"):
        trace(Told)


def test_a_configuration_gives_entries_in_toml(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(
        f"""name = "seasons"
seed = 1
steps = 3
model = "{NAME}"
[parameters]
spread.ward = [1, 2]
season = [4, 3, 2]
falls = [[0.5, 0.25, 0.0], [0.5, 0.25, 0.0], [1.0, 0.0, 0.0]]
[private]
dataset = "look_alike"
"""
    )
    given = load(path).parameters
    assert seasons(**given)["spread"] == (1, 1, 1, 2, 2, 2)
    assert seasons(**given)["falls"][-3:] == (2**32, 0, 0)
