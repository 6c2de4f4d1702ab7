"""Models of parts: one namespace that is checked, one order, one graph; and the bits of the parts alone."""

import numpy as np
import pytest

import lpm_secure.models as lpm
from lpm_secure.models.axes import CLOCK
from lpm_secure.models.library.opinion import Opinion
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.library.work import LabourMarket
from lpm_secure.models.reference import find
from lpm_secure.models.tracer import trace
from protocols.errors import DataError, ModelError
from protocols.models.agent_model import AgentSource
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.interpreter import Inputs, evaluate


class Count(lpm.Model):
    """An agent counts steps up to 9; what it says is the count."""

    count = lpm.field(0, 9)
    word = lpm.message(most=9)

    def begin(self, me, draw):
        return me.set(count=3)

    def says(self, me):
        return {self.word: me.count}

    def update(self, me, heard, draw):
        return me.set(count=lpm.minimum(me.count + 1, 9))


class Double(lpm.Model):
    """Reads another part's count."""

    count = Count.count
    twice = lpm.field(0, 18)

    def begin(self, me, draw):
        return me.set(twice=2 * me.count)

    def update(self, me, heard, draw):
        return me.set(twice=2 * me.count)


def moved(model, part, state, known=()):
    graph = trace(model).graph
    values = {name: np.array([value]) for name, value in state.items()}
    known = {name: np.array([name in known]) for name in graph.fields}
    inputs = Inputs(values, {}, DrawSource(np.zeros(1, dtype=np.uint64), 0, (1, 2)), known=known)
    return {name: int(value[0]) for name, value in evaluate(graph, (part,), inputs)[part].items()}


def test_a_part_sees_fields_as_the_parts_before_it_left_them():
    class Both(lpm.Model):
        parts = (Count, Double)

    class Reversed(lpm.Model):
        parts = (Double, Count)

    assert moved(Both, "update", {"count": 5, "twice": 0}) == {"count": 6, "twice": 12}
    assert moved(Reversed, "update", {"count": 5, "twice": 0}) == {"count": 6, "twice": 10}
    assert moved(Both, "messages", {"count": 5, "twice": 0}) == {"word": 5}
    assert moved(Both, "begin", {"count": 0, "twice": 0}) == {"count": 3, "twice": 6}


def test_a_part_begins_from_what_a_holder_knows_of_the_parts_before_it():
    class Both(lpm.Model):
        parts = (Count, Double)

    assert moved(Both, "begin", {"count": 8, "twice": 0}, known=("count",)) == {"count": 8, "twice": 16}
    assert moved(Both, "begin", {"count": 8, "twice": 1}, known=("count", "twice")) == {"count": 8, "twice": 1}


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("seir", {"E": "latent", "I": "infectious"}),
        ("seirs", {"E": "latent", "I": "infectious"}),
        ("strains", {"E_A": "latent", "E_B": "latent", "I_A": "infectious", "I_B": "infectious"}),
        ("staged", {"E": "latent", "A": "first", "M": "first", "H": "second"}),
    ],
)
def test_an_agent_whose_stage_is_known_stays_in_it_for_as_long_as_the_stage_lasts(name, stays):
    model, n = find(name), 60
    traced = trace(model)
    agents = GraphModel(traced.graph, traced.parameters).agents
    source = AgentSource(np.arange(n, dtype=np.uint64), (1, 2))
    stages = agents.graph.fields["stage"].stages
    known, private = np.arange(n) % len(stages), {spec.name for spec in agents.columns if spec.default is None}
    columns = {column: np.full(n, agents.graph.fields[column].low) for column in private}
    state = agents.initial_state(source, {**columns, "stage": known})
    np.testing.assert_array_equal(state["stage"], known)
    for place, stage in enumerate(stages):
        rows = known == place
        left = state[stays[stage]][rows] if stage in stays else np.zeros(rows.sum(), dtype=np.int64)
        np.testing.assert_array_equal(state["timer"][rows], left)


def test_nobody_knows_another_clock():
    traced = trace(find("staged"))
    agents = GraphModel(traced.graph, traced.parameters).agents
    assert CLOCK in agents.graph.fields
    assert CLOCK not in {spec.name for spec in agents.columns}
    with pytest.raises(DataError, match=f"{CLOCK} is no field of the state"):
        agents.initial_state(
            AgentSource(np.zeros(1, dtype=np.uint64), (1, 2)), {"age": np.array([3]), CLOCK: np.array([3])}
        )


def test_the_whole_comes_last_and_may_set_what_its_parts_did():
    class Halved(lpm.Model):
        parts = (Count, Double)

        def update(self, me, heard, draw):
            return me.set(twice=me.twice // 4)

    assert moved(Halved, "update", {"count": 5, "twice": 0}) == {"count": 6, "twice": 3}
    assert moved(Halved, "begin", {"count": 0, "twice": 0}) == {"count": 3, "twice": 6}


def test_parts_that_share_nothing_are_what_they_are_alone():
    class Whole(lpm.Model):
        parts = (SeirModel, Opinion)

    whole = trace(Whole)
    assert whole.parameters == trace(SeirModel).parameters | trace(Opinion).parameters
    n, rng = 200, np.random.default_rng(1)
    source = DrawSource(np.arange(n, dtype=np.uint64), 3, (1, 2))
    fields = {name: rng.integers(each.low, each.high, n, endpoint=True) for name, each in whole.graph.fields.items()}
    given = {
        "outcomes": {name: rng.integers(0, 2, n) == 1 for name in whole.graph.outcomes},
        "known": {name: rng.integers(0, 2, n) == 1 for name in fields},
    }
    parameters = {name: np.atleast_2d(x) if isinstance(x, tuple) else x for name, x in whole.parameters.items()}
    inputs = Inputs(fields, parameters, source, **given)
    for model in (SeirModel, Opinion):
        alone = trace(model).graph
        for part in alone.parts:
            expected, got = evaluate(alone, (part,), inputs)[part], evaluate(whole.graph, (part,), inputs)[part]
            for name, values in expected.items():
                np.testing.assert_array_equal(got[name], values)


def test_parts_of_parts_are_parts():
    class Inner(lpm.Model):
        parts = (Count, Double)

    class Outer(lpm.Model):
        parts = (Inner, Opinion)

    class Flat(lpm.Model):
        parts = (Count, Double, Opinion)

    assert trace(Outer).graph.identity == trace(Flat).graph.identity


class Stranger(Count):
    """Means something else by the same name."""

    count = lpm.field(0, 9)


class Deaf(lpm.Model):
    """Reads a field that it does not declare."""

    own = lpm.field(0, 9)

    def begin(self, me, draw):
        return me.set(own=1)

    def update(self, me, heard, draw):
        return me.set(own=me.count)


class Echo(lpm.Model):
    """Says another part's message too."""

    word, count = Count.word, Count.count

    def says(self, me):
        return {self.word: 1}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((Count, Stranger), "test_composition.py:.*: count is declared at .*test_composition.py:"),
        ((SeirModel, Seirs), "(tau|infection) is declared at .*seir.py"),
        ((Count, Deaf), "test_composition.py:.*: there is no field count; there are own"),
        ((Count, Echo), "test_composition.py:.*: says gives word at .*test_composition.py:"),
        ((Double,), "begin gives .*it must give each field"),
        ((Count, Count), "has the part Count twice"),
        ((Count, 3), "has the part 3; parts are classes"),
    ],
)
def test_parts_that_do_not_fit_are_one_line_with_both_places(parts, said):
    whole = type("Whole", (lpm.Model,), {"parts": parts})
    with pytest.raises(ModelError, match=said):
        trace(whole)


def test_draws_of_one_purpose_in_two_parts_are_refused_and_in_one_part_are_not():
    class Other(lpm.Model):
        mood = lpm.field(0, 9)

        def begin(self, me, draw):
            return me.set(mood=draw.uniform(0, 10, "start"))

        def update(self, me, heard, draw):
            return me.set(mood=draw.uniform(0, 5, "start") + draw.uniform(0, 5, "start"))

    class Both(lpm.Model):
        parts = (Opinion, Other)

    trace(Other)
    with pytest.raises(ModelError, match=r"test_composition.py:.*: 'start' is drawn at .*opinion.py:"):
        trace(Both)


def test_the_librarys_disease_and_work_fit_without_a_word():
    class Whole(lpm.Model):
        parts = (SeirModel, LabourMarket)

    assert set(trace(Whole).graph.outcomes) == {"infection", "alarm"}
