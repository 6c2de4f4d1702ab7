"""Which laws say how long stages last: found where it is proved, and claimed of no graph that differs in one number."""

import msgspec
import numpy as np
import pytest

from protocols.models.agent_model import AgentSource, StepInputs
from protocols.models.graph import GraphNode, course
from protocols.models.graph.course import Course

LATENT = (2**31, 0, 2**31)
STAY = (2**30,) * 4
NAMES = ("latent_law", "infectious_law")
LAWS = {"latent": LATENT, "infectious": STAY}


def stays_of(graph, model):
    return Course(graph, model.agents.parameters, "stage").stays()


@pytest.mark.parametrize("more", [{}, {"doses": {"first": 1, "days": 2, "coverage": 2**31, "left": 9}}])
def test_the_stays_of_a_table_have_its_laws(seir, more):
    model = seir(**LAWS, **more)
    assert model.stays == (LATENT, STAY)
    assert model.longest_message == len(STAY) + 1
    assert seir(waning=STAY, **LAWS).stays == ()


def test_laws_of_so_many_days_that_a_hostile_manifest_would_cost_minutes_are_not_looked_through(seir, monkeypatch):
    model, passes = seir(**LAWS), []
    real = course.bounds_of
    monkeypatch.setattr(course, "bounds_of", lambda *given, **more: passes.append(1) or real(*given, **more))
    monkeypatch.setattr(course, "MOST_INTERVALS", len(model.graph.nodes) * (len(LATENT) + len(STAY)))
    assert stays_of(model.graph, model) == (LATENT, STAY)
    whole = len(passes)
    monkeypatch.setattr(course, "MOST_INTERVALS", course.MOST_INTERVALS - 1)
    assert stays_of(model.graph, model) == ()
    assert len(passes) - whole < whole


def test_the_longest_laws_of_a_table_have_room(seir):
    longest = (2**32 - 1023, *(1,) * 1023)
    model = seir(latent=longest, infectious=longest, doses={"first": 1, "days": 2, "coverage": 2**31, "left": 9})
    assert model.stays == (longest, longest)


def test_a_holder_that_may_know_how_much_of_a_stay_is_left_is_bound_by_no_law(seir):
    model = seir(listed=False, **LAWS)
    assert "timer" in {column.name for column in model.agents.columns}
    assert model.stays == ()
    assert model.longest_message == 0


def test_the_longest_message_is_never_exceeded_by_agents_of_whom_something_is_known(seir):
    model, n = seir(**LAWS), 500
    draw = np.random.default_rng(1)
    columns = {"stage": draw.integers(0, 4, n), "since": draw.integers(0, 3, n)}
    source, zero = AgentSource(np.arange(n, dtype=np.uint64), (1, 2)), np.zeros((n, 1), dtype=np.int64)
    state, spoken = model.agents.initial_state(source, columns), np.zeros(n, dtype=np.int64)
    for step in range(12):
        spoken += model.agents.messages(state)[:, -1]
        inputs = StepInputs(step, zero, zero, zero, zero[:, 0], zero + 1)
        state = model.agents.update(state, inputs, source)[0]
    assert 0 < spoken.max() < model.longest_message


def changed(model, number, **changes):
    nodes = list(model.graph.nodes)
    node = nodes[number]
    nodes[number] = GraphNode(*(changes.get(name, getattr(node, name)) for name in node.__struct_fields__))
    return msgspec.structs.replace(model.graph, nodes=tuple(nodes))


def test_nothing_is_claimed_of_a_graph_in_which_a_stay_has_another_law(seir):
    model = seir(**LAWS)
    nodes = model.graph.nodes
    due = next(i for i, node in enumerate(nodes) if node.op == "subtract")
    twice = changed(model, due, op="add")  # a timer that counts up
    assert stays_of(twice, model) == ()
    steps = nodes[due].inputs[1]
    two = next(i for i, node in enumerate(nodes) if node.op == "constant" and node.numbers == (2,))
    faster = changed(model, steps, inputs=(nodes[steps].inputs[0], two, nodes[steps].inputs[2]))
    assert stays_of(faster, model) == ()
    draws = [i for i, node in enumerate(nodes) if node.op == "days"]
    for number in draws:
        for law in (i for i in range(number) if nodes[i].name in NAMES and i != nodes[number].inputs[0]):
            other = changed(model, number, inputs=(law, *nodes[number].inputs[1:]))
            assert stays_of(other, model) != (LATENT, STAY)
    begin = msgspec.structs.replace(model.graph, begin=model.graph.begin | {"timer": model.graph.begin["since"]})
    assert stays_of(begin, model) == ()
    back = msgspec.structs.replace(model.graph, update=model.graph.update | {"stage": model.graph.begin["stage"]})
    assert stays_of(back, model) == ()
