"""A model's mistakes are found before a run, in one line, with the place in its author's file."""

import math
import random

import numpy as np
import pytest

import lpm_secure.models as lpm
from lpm_secure.models.tracer import trace
from protocols.errors import ModelError
from protocols.models.graph.graph import decode, encode
from protocols.models.graph.information_flow import flows, sources


class Opinion(lpm.Model):
    """An agent holds an opinion while more than its private share of its weighted neighbours does."""

    opinion = lpm.stage("NO", "YES")
    doubt = lpm.field(0, 2**40)
    secret = lpm.private(0, 9)
    start = lpm.parameter(0.25, unit=lpm.PROBABILITY)
    talk = lpm.message(most=1, directed=True)
    yes = lpm.outcome(talk, above=doubt, keep=False)

    def begin(self, me, draw):
        return me.set(
            opinion=lpm.where(draw.happens(self.start, "start"), "YES", "NO"), doubt=draw.uniform(0, 5, "doubt")
        )

    def says(self, me):
        return {self.talk: me.opinion == "YES"}

    def update(self, me, heard, draw):
        return me.set(opinion=lpm.where(heard[self.yes], "YES", "NO"))


def test_a_model_is_a_graph_of_some_tens_of_nodes():
    graph = trace(Opinion).graph
    assert len(graph.nodes) < 40
    assert graph.fields["opinion"].stages == ("NO", "YES")
    assert graph.outcomes["yes"].coefficients == {"talk": 1}


def test_the_same_formulas_elsewhere_are_the_same_model():
    class Other(Opinion):
        """A comment, another name and another value change nothing."""

        start = lpm.parameter(0.5, unit=lpm.PROBABILITY)

    class Changed(Opinion):
        def update(self, me, heard, draw):
            return me.set(opinion=lpm.where(heard[self.yes], "NO", "YES"))

    assert trace(Other).graph.identity == trace(Opinion).graph.identity
    assert trace(Changed).graph.identity != trace(Opinion).graph.identity
    assert trace(Other).parameters == {"start": 2**31}


def test_what_is_said_and_what_it_depends_on_are_read_off_the_graph():
    graph = trace(Opinion).graph
    assert flows(graph, "messages")["talk"].fields == ("opinion",)
    assert flows(graph, "update")["opinion"].outcomes == ("yes",)
    assert sources(graph, "messages", "talk").fields == ("doubt", "opinion")  # never on `secret`


def test_what_decides_a_restart_or_a_neighbours_message_is_a_source():
    class Restarted(Opinion):
        yes = lpm.outcome(Opinion.talk, above=Opinion.doubt, threshold="restart")

        def update(self, me, heard, draw):
            return super().update(me, heard, draw).restart(self.yes, me.secret > 3)

    class Whispered(Opinion):
        whisper = lpm.message(most=9)
        yes = lpm.outcome({Opinion.talk: 1, whisper: 1}, above=Opinion.doubt)

        def says(self, me):
            return {**super().says(me), self.whisper: me.secret}

    class Crowded(Opinion):
        crowd = lpm.cell_message(most=9)

        def says(self, me):
            return {**super().says(me), self.crowd: me.secret}

        def update(self, me, heard, draw):
            return me.set(opinion=lpm.where(heard.cell[self.crowd] > 3, "YES", "NO"))

    for model in (Restarted, Whispered, Crowded):
        assert "secret" in sources(trace(model).graph, "messages", "talk").fields


def test_a_threshold_that_is_told_once_never_changes():
    yes = lpm.outcome(Opinion.talk, above=Opinion.doubt, threshold="step")
    trace(type("Asks", (Opinion,), {"yes": yes, "update": lambda self, me, heard, draw: me.set(doubt=3)}))
    trace(wrong("update", lambda self, me, heard, draw: me.set(doubt=me.doubt)))
    with pytest.raises(ModelError, match=r"test_tracer\.py:\d+: the threshold of yes is told once") as refused:
        trace(wrong("update", lambda self, me, heard, draw: me.set(doubt=draw.uniform(0, 5, "again"))))
    assert "\n" not in str(refused.value)


def wrong(name, method):
    """Return a model whose method `name` is this one."""
    return type("Wrong", (Opinion,), {name: method})


MISTAKES = {
    "a sum over agents": ("update", lambda self, me, heard, draw: me.set(doubt=me.doubt.sum()), "no .sum here"),
    "a loop": ("update", lambda self, me, heard, draw: me.set(doubt=sum(me.doubt)), "no loop or sum"),
    "numpy": ("update", lambda self, me, heard, draw: me.set(doubt=np.maximum(me.doubt, 1)), "not part of a model"),
    "math": ("update", lambda self, me, heard, draw: me.set(doubt=math.floor(me.doubt)), "integers"),
    "a branch": ("update", lambda self, me, heard, draw: me.set(doubt=1 if me.doubt > 1 else 2), "lpm.where"),
    "a choice that is compared": (
        "update",
        lambda self, me, heard, draw: me.set(doubt=lpm.where(lpm.where(me.doubt > 1, "YES", "NO") == "YES", 1, 0)),
        "of no field yet",
    ),
    "a choice as a truth": (
        "update",
        lambda self, me, heard, draw: me.set(doubt=1 if lpm.where(me.doubt > 1, "YES", "NO") else 0),
        "neither true nor false",
    ),
    "a stage beside a choice": (
        "update",
        lambda self, me, heard, draw: me.set(doubt=lpm.where(me.opinion == lpm.where(me.doubt > 1, "YES", "NO"), 1, 0)),
        "field",
    ),
    "a float": ("update", lambda self, me, heard, draw: me.set(doubt=me.doubt * 0.5), "is a float"),
    "a true division": ("update", lambda self, me, heard, draw: me.set(doubt=me.doubt / 2), "//"),
    "an unknown stage": ("update", lambda self, me, heard, draw: me.set(opinion="MAYBE"), "no stage"),
    "an unknown field": ("update", lambda self, me, heard, draw: me.set(doubt=me.wealth), "no field wealth"),
    "a private column that changes": ("update", lambda self, me, heard, draw: me.set(secret=1), "cannot be set"),
    "a field out of range": ("update", lambda self, me, heard, draw: me.set(doubt=me.doubt + 1), "declared 0 to"),
    "a loud message": ("says", lambda self, me: {self.talk: me.doubt}, "declared 0 to 1"),
    "a negative message": ("says", lambda self, me: {self.talk: 0 - (me.opinion == "YES")}, "declared 0 to 1"),
    "a division by what may be zero": (
        "update",
        lambda self, me, heard, draw: me.set(doubt=lpm.clip(9 // me.doubt, 0, 9)),
        "at least 1",
    ),
    "an overflow": (
        "update",
        lambda self, me, heard, draw: me.set(doubt=lpm.clip(me.doubt * me.doubt, 0, 9)),
        "64 bits",
    ),
    "foreign dice": (
        "update",
        lambda self, me, heard, draw: me.set(doubt=random.randrange(2**30)),
        "another model each time",
    ),
    "state that is not returned": ("update", lambda self, me, heard, draw: None, r"return me.set"),
    "a draw without a purpose": (
        "update",
        lambda self, me, heard, draw: me.set(doubt=draw.uniform(0, 2, "")),
        "needs a purpose",
    ),
    "weights in place of a law": (
        "update",
        lambda self, me, heard, draw: me.set(doubt=draw.category((1, 2, 1), "doubt")),
        "the draw 'doubt' takes a law",
    ),
    "a restart of no outcome": ("update", lambda self, me, heard, draw: me.restart("yes", True), "takes an outcome"),
    "an exposure in what is said": ("says", lambda self, me: {self.talk: lpm.Heard()[self.yes]}, "not there at that"),
    "a number where a truth is needed": (
        "update",
        lambda self, me, heard, draw: me.set(doubt=lpm.where(me.doubt, 1, 0)),
        "a truth is needed",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_with_its_place(mistake):
    name, method, match = MISTAKES[mistake]
    with pytest.raises(ModelError, match=match) as refused:
        trace(wrong(name, method))
    assert "\n" not in str(refused.value)


def test_the_place_is_the_line_of_the_author():
    with pytest.raises(ModelError, match=r"test_tracer\.py:\d+: there is no \.mean here"):
        trace(wrong("update", lambda self, me, heard, draw: me.set(doubt=me.doubt.mean())))
    with pytest.raises(ModelError, match=r"test_tracer\.py:\d+: update of doubt can be"):
        trace(wrong("update", lambda self, me, heard, draw: me.set(doubt=me.doubt + 1)))


GIVEN = {
    "a fraction": ("says", lambda self, me: {self.talk: 0.5}, "says gives talk = 0.5; give what is made of fields"),
    "a text": ("says", lambda self, me: {self.talk: "x"}, "says gives talk = 'x'; give"),
    "nothing": ("weight", lambda self, me: {self.yes: None}, "weight gives yes = None; give"),
    "a name in quotes": ("says", lambda self, me: {"talk": 1}, "got 'talk' as a name; use what the model declares"),
    "no dictionary": ("says", lambda self, me: me.opinion, "says returned Symbol; return a dictionary"),
}


@pytest.mark.parametrize("mistake", GIVEN)
def test_what_a_method_gives_and_no_model_has_is_told_with_the_methods_line(mistake):
    name, method, match = GIVEN[mistake]
    line = method.__code__.co_firstlineno
    with pytest.raises(ModelError, match=rf"test_tracer\.py:{line}: {match}"):
        trace(wrong(name, method))


@pytest.mark.parametrize(
    ("terms", "above", "match"),
    [
        (Opinion.talk, "doubt", "above is a field that the class declares, .* got 'doubt'"),
        ({"talk": 1}, None, "an outcome adds up messages, .* got 'talk' by 1"),
        ({Opinion.talk: 0.5}, None, "by whole numbers or parameters; got .* by 0.5"),
    ],
)
def test_an_outcome_of_what_is_none_of_its_parts_is_told_with_its_line(terms, above, match):
    model = type("Wrong", (Opinion,), {"loud": lpm.outcome(terms, above=above)})
    with pytest.raises(ModelError, match=rf"test_tracer\.py:\d+: .*{match}"):
        trace(model)


def test_a_field_that_nobody_begins_with_is_refused():
    with pytest.raises(ModelError, match="begin gives"):
        trace(wrong("begin", lambda self, me, draw: me.set(opinion="NO")))


@pytest.mark.parametrize(
    "name", ["set", "restart", "known", "changed", "begun", "_fields", "weight", "begin", "totals"]
)
def test_a_name_that_a_model_or_its_state_has_is_refused(name):
    with pytest.raises(ModelError, match=f"Wrong declares {name}, "):
        trace(type("Wrong", (Opinion,), {name: lpm.field(0, 1)}))


UNREADABLE = {
    "a message of nothing": {"talk": lpm.message(most=0)},
    "a message that is too loud": {"talk": lpm.message(most=2**40)},
    "a message of a text": {"talk": lpm.message(most="1")},
    "a name that is no name": {"_secret": lpm.field(0, 1)},
    "a range beyond 64 bits": {"income": lpm.private(0, 2**64)},
    "a stage that is no name": {"mood": lpm.stage("NO", "MAY BE")},
    "an outcome of another kind": {"talk": lpm.message(most=1), "loud": lpm.outcome({}, reveals="everything")},
    "a law of a million days": {"law": lpm.parameter((2**32,), unit=lpm.LAW, days=10**6)},
}


@pytest.mark.parametrize("mistake", UNREADABLE)
def test_a_graph_that_nobody_could_decode_is_refused(mistake):
    model = type("Wrong", (Opinion,), dict(UNREADABLE[mistake]))
    with pytest.raises(ModelError, match="Wrong is a graph that nobody could read") as refused:
        trace(model)
    assert "\n" not in str(refused.value)


def test_a_traced_graph_is_the_one_that_is_received():
    graph = trace(Opinion).graph
    again = decode(encode(graph))
    assert again == graph
    for part in ("fields", "channels", "outcomes", "parameters"):
        assert list(getattr(again, part)) == list(getattr(graph, part)) == sorted(getattr(graph, part))


@pytest.mark.parametrize(
    ("value", "unit", "more"),
    [
        (2.5, lpm.NUMBER, {}),
        (0.5, lpm.NUMBER, {}),
        (1, lpm.NUMBER, {"bounds": (0.5, 2)}),
        (-1, lpm.NUMBER, {}),
        (float("nan"), lpm.NUMBER, {}),
        (1.5, lpm.PROBABILITY, {}),
        (0.5, lpm.LAW, {}),
        ((), lpm.LAW, {}),
        ((0.5, 0.4), lpm.LAW, {}),
        ((1 - 1e-10, 1e-10), lpm.LAW, {}),
        ((1.5, -0.5), lpm.LAW, {}),
        ((2**31,), lpm.LAW, {}),
        ((-1, 2**32 + 1), lpm.LAW, {}),
        ((1, 2.5), lpm.NUMBER, {}),
        ((1, 3), lpm.NUMBER, {"bounds": (0, 2)}),
        ((1, -3), lpm.NUMBER, {}),
    ],
)
def test_a_parameter_that_is_not_of_its_unit_is_refused_where_it_is_declared(value, unit, more):
    with pytest.raises(ModelError, match=r"test_tracer\.py:\d+: ") as refused:
        trace(type("Wrong", (Opinion,), {"wrong": lpm.parameter(value, unit=unit, **more)}))
    assert "\n" not in str(refused.value)


def test_a_law_may_be_given_by_shares_of_one():
    thirds = trace(type("Thirds", (Opinion,), {"stay": lpm.parameter((1 / 3, 0, 0.666667), unit=lpm.LAW)}))
    assert sum(thirds.parameters["stay"]) == 2**32
    np.testing.assert_allclose(np.array(thirds.parameters["stay"]) / 2**32, [1 / 3, 0, 2 / 3], atol=1e-4)
    certain = trace(type("Certain", (Opinion,), {"stay": lpm.parameter((0, 1), unit=lpm.LAW)}))
    assert certain.parameters["stay"] == (0, 2**32)


@pytest.mark.parametrize(
    ("law", "match"),
    [
        (lpm.table(1, 2), "add up to 3"),
        (lpm.table(-1, 2**32 + 1), "must be non-negative"),
        (None, "whose unit is number"),
    ],
)
def test_days_are_drawn_by_laws_alone(law, match):
    class Wrong(Opinion):
        two = lpm.parameter((1, 2))

        def update(self, me, heard, draw):
            return me.set(doubt=draw.days(self.two if law is None else law, "days"))

    with pytest.raises(ModelError, match=match) as refused:
        trace(Wrong)
    assert "\n" not in str(refused.value)


def test_a_threshold_that_is_told_at_a_restart_changes_at_one_alone():
    class Restarted(Opinion):
        yes = lpm.outcome(Opinion.talk, above=Opinion.doubt, threshold="restart")
        form = staticmethod(lambda restart, other, new, old: lpm.where(restart, new, old))

        def update(self, me, heard, draw):
            restart, other = draw.happens(2**31, "restart"), me.secret > 3
            changed = self.form(restart, other, draw.uniform(0, 10, "new"), me.doubt)
            return super().update(me, heard, draw).set(doubt=changed).restart(self.yes, restart)

    class Never(Restarted):
        def update(self, me, heard, draw):
            return Opinion.update(self, me, heard, draw).set(doubt=draw.uniform(0, 10, "new"))

    class Both(Restarted):
        form = staticmethod(lambda restart, other, new, old: lpm.where(restart & other, new, old))

    class Nested(Restarted):
        form = staticmethod(
            lambda restart, other, new, old: lpm.where(other, old, lpm.where(restart, new, lpm.where(other, old, old)))
        )

    class Other(Restarted):
        form = staticmethod(lambda restart, other, new, old: lpm.where(other, new, old))

    class Either(Restarted):
        form = staticmethod(lambda restart, other, new, old: lpm.where(restart | other, new, old))

    class Reversed(Restarted):
        form = staticmethod(lambda restart, other, new, old: lpm.where(restart, old, new))

    for model in (Restarted, Both, Nested):
        assert trace(model).graph.outcomes["yes"].threshold == "restart"
    for model in (Never, Other, Either, Reversed):
        with pytest.raises(ModelError, match="told at each restart, and doubt changes it without one"):
            trace(model)
