"""A graph as a manifest carries it: checked by whoever decodes it, quickly, and met like any other model."""

import random
import time
import tracemalloc

import msgspec
import numpy as np
import pytest

from lpm_secure.models.tracer import trace
from protocols.errors import LpmError, ManifestMismatch, ModelError, ParameterError, WouldWrap
from protocols.models.agent_model import AgentSource, StepInputs, stage_ends
from protocols.models.graph import (
    GraphChannel,
    GraphField,
    GraphNode,
    GraphObservable,
    GraphOutcome,
    ModelGraph,
    interpreter,
)
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.graph import MAX_NODES
from protocols.releases.query import Release, Releases
from protocols.task import manifest as manifests
from tests.user_models import MODELS

BIT = GraphField(0, 1)
X = GraphNode("field", name="x")


def model_of(name):
    traced = trace(MODELS[name])
    return GraphModel(traced.graph, dict(traced.parameters))


def plain(nodes, **more):
    last = len(nodes) - 1
    given = {"fields": {"x": BIT}, "begin": {"x": 0}, "messages": {}, "update": {"x": last}}
    return ModelGraph(nodes=tuple(nodes), **given | more)


def test_a_manifest_carries_the_graph_and_says_so_in_the_same_bytes(manifest_of):
    model = model_of("crowds")
    manifest = manifest_of(model=model, model_hash=model.digest, channels=model.contact_channels)
    assert manifests.decode(manifests.encode(manifest)) == manifest
    assert model.digest == trace(MODELS["crowds"]).graph.identity
    assert len(manifests.encode(manifest)) < 10_000
    with pytest.raises(ManifestMismatch, match="another version of the model"):
        msgspec.structs.replace(manifest, model_hash=model_of("banks").digest)
    with pytest.raises(ParameterError, match=r"the run has the channels .*; the model tells on \('touch',\)"):
        msgspec.structs.replace(manifest, channels=("near", "far"))
    relabelled = msgspec.structs.replace(manifest, channels=("near",))  # as lists of contacts may call it
    assert relabelled.model == manifest.model


def test_channels_that_are_the_models_own_cannot_change_places(manifest_of, seir):
    model = seir(beta=(1, 2))
    own = model.contact_channels
    for names in (own, ("near", "far")):
        manifest_of(model=model, channels=names)
    for names in (own[::-1], (own[1], "far"), ("near", own[1])):
        with pytest.raises(ParameterError, match="the run has the channels"):
            manifest_of(model=model, channels=names)


def test_outcomes_are_what_the_model_declares():
    by_name = {name: {each.name: each for each in model_of(name).agents.outcomes} for name in MODELS}
    assert by_name["opinion"]["yes"].columns == ("level", "weight")
    assert by_name["averaging"]["sum_heard"].columns == ("level",)
    assert not by_name["averaging"]["sum_heard"].is_bit
    assert by_name["crowds"]["infection"].columns == ("level", "threshold", "anew")
    assert by_name["crowds"]["infection"].cell_coefficients == (round(0.4 * 2**16), 0)
    assert by_name["cheapest"]["any1"].columns == ("level", "threshold", "weight")
    assert model_of("banks").agents.directed == (True,)


def test_a_tally_has_all_stages_of_all_fields_and_then_the_observables():
    words = model_of("averaging").agents.tally
    assert [(word.name, word.low, word.high, word.stage_of) for word in words] == [
        ("LOW", 0, 1, "side"),
        ("MIDDLE", 0, 1, "side"),
        ("HIGH", 0, 1, "side"),
        ("above_mean", -500, 500, None),
    ]
    assert stage_ends(words) == [3]
    crowds = model_of("crowds").agents.tally
    assert [word.name for word in crowds] == ["ill_WELL", "ill_ILL", "where_HOME", "where_OUT"]
    assert stage_ends(crowds) == [2, 4]


def test_levels_stay_within_their_bounds_over_whole_runs():
    """Bounds that only just hold would let thresholds be cut too low, or words wrap: here everybody says the most."""
    model = model_of("opinion").agents
    source = AgentSource(np.arange(4, dtype=np.uint64), (1, 2))
    state = model.initial_state(source, {"trust": np.full(4, 9)})
    state["opinion"] = np.ones(4, dtype=np.int64)
    says = model.messages(state)
    grown = model.increments(says[:, :1] * 3 * 5, np.zeros((4, 1), dtype=np.int64)) * model.weights(state)
    (bound,) = model.level_bounds(n=3, max_message=5, steps=7)
    assert grown.max() == bound == 3 * 5 * 9  # the level of the present step does not add up
    inputs = StepInputs(
        0, says, says * 0, np.zeros((4, 0), np.int64), np.zeros(4, np.int64), np.zeros((4, 1), np.int64)
    )
    after, anew = model.update(state, inputs, source)
    assert after["opinion"].tolist() == [0] * 4
    assert not anew.any()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"start": -1}, r"start is -1; it must lie in"),
        ({"start": 2**33}, "start is 8589934592; it must lie in"),
        ({"start": 1, "stop": 2}, "no parameter stop; it has start"),
        ({}, "the parameter start is missing"),
        ({"start": (1, 2)}, "start has 2 numbers; it is one number"),
    ],
)
def test_parameters_that_the_graph_was_not_proved_for_are_refused(parameters, said):
    with pytest.raises(ParameterError, match=said):
        GraphModel(model_of("opinion").graph, parameters)


def test_a_run_of_a_graph_that_hears_public_numbers_needs_an_engine(manifest_of):
    model = GraphModel(plain([X], public={"rate": (0, 3)}))
    given = {"model": model, "model_hash": model.digest, "channels": ()}
    with pytest.raises(ParameterError, match="the model hears rate, which an engine announces; set engine = true"):
        manifest_of(**given)
    assert manifest_of(engine=True, **given).engine


@pytest.mark.parametrize("part", ["begin", "messages", "weights", "thresholds", "totals"])
def test_a_public_number_is_not_there_before_its_step_is_announced(part):
    nodes = [X, GraphNode("public", name="rate")]
    changes = {
        "messages": {"channels": {"talk": GraphChannel(most=3)}, "messages": {"talk": 1}},
        "totals": {"observables": {"sum": GraphObservable(0, 3)}, "totals": {"sum": 1}},
    }
    heard = {"channels": {"talk": GraphChannel(most=1)}, "messages": {"talk": 0}, "thresholds": {"told": 0}}
    heard |= {"outcomes": {"told": GraphOutcome({"talk": 1}, threshold="step")}}
    given = changes.get(part, heard | {part: {"told": 1}} if part != "begin" else {"begin": {"x": 1}})
    with pytest.raises(ModelError, match="looks at public rate, which is not there at that time"):
        GraphModel(plain(nodes, public={"rate": (0, 1)}, **given))


def hostile(number):
    """Return one of many graphs: deep, wide, cyclic, of huge tables, of numbers that overflow, of many names."""
    draw = random.Random(number)
    kind, size = number % 7, draw.randrange(MAX_NODES // 2, MAX_NODES)
    if kind == 0:  # deep, and a number doubles in every node
        return plain([GraphNode("constant", numbers=(1,)), *(GraphNode("add", (i, i)) for i in range(size - 1))])
    if kind == 1:  # wide: many names, each of them the deepest node
        names = [f"f{index}" for index in range(draw.randrange(129, 4000))]
        nodes = (GraphNode("field", name="f0"), *(GraphNode("minimum", (i, i)) for i in range(size - 1)))
        fields, begin = dict.fromkeys(names, BIT), dict.fromkeys(names, 0)
        return ModelGraph(fields=fields, nodes=nodes, begin=begin, messages={}, update=dict.fromkeys(names, size - 1))
    if kind == 2:  # cyclic
        return plain([X, *(GraphNode("minimum", (draw.randrange(size), i)) for i in range(size - 1))], update={"x": 1})
    if kind == 3:  # huge tables
        entries = tuple(range(2**15))
        return plain([X, *(GraphNode("table", numbers=entries) for _ in range(draw.randrange(5, 60)))])
    if kind == 4:  # shifts and products out of all bounds
        big = [GraphNode("constant", numbers=(2**62,)), GraphNode("constant", numbers=(62,))]
        return plain([*big, GraphNode(draw.choice(["left", "multiply"]), (0, draw.randrange(2)))])
    if kind == 5:  # costs too much: draws all over
        nodes = [GraphNode("exponential", (), f"d{index}", (1, 30)) for index in range(size)]
        return plain(nodes)
    outcomes = {f"o{index}": GraphOutcome({"c": 1}) for index in range(draw.randrange(129, 3000))}
    chain = [X, *(GraphNode("minimum", (max(i - 1, 0), 0)) for i in range(1, size))]
    more = {"messages": {"c": 0}, "channels": {"c": GraphChannel(1)}, "outcomes": outcomes}
    return plain(chain, thresholds=dict.fromkeys(outcomes, size - 1), **more)


def test_a_hundred_hostile_graphs_are_refused_in_one_line_without_much_work():
    """CPU seconds of this process: what a party pays for a manifest that it has not signed for."""
    slowest = 0.0
    for number in range(100):
        graph = hostile(number)
        begun = time.process_time()
        with pytest.raises((ModelError, LpmError), match=r"\A[^\n]+\Z"):
            GraphModel(graph)
        slowest = max(slowest, time.process_time() - begun)
    print(f"slowest of a hundred hostile graphs: {slowest:.3f} s CPU")


def test_the_widest_graph_that_is_allowed_is_read_through_a_few_times_only(monkeypatch):
    """The work grows with nodes and not with nodes times names."""
    from protocols.models.graph import bounds, checks

    calls = []
    for module in (bounds, checks):
        real = module.ancestors_of
        monkeypatch.setattr(
            module, "ancestors_of", lambda graph, roots, real=real: calls.append(1) or real(graph, roots)
        )
    names = [f"f{index}" for index in range(128)]
    chain = (GraphNode("minimum", (i, i)) for i in range(1, MAX_NODES - 1))
    graph = ModelGraph(
        fields=dict.fromkeys(names, BIT),
        nodes=(GraphNode("constant", numbers=(0,)), GraphNode("field", name="f0"), *chain),
        begin=dict.fromkeys(names, 0),
        messages={},
        update=dict.fromkeys(names, MAX_NODES - 1),
    )
    GraphModel(graph)
    assert len(calls) <= 10


def test_a_graph_without_a_field_is_refused():
    nothing = ModelGraph(fields={}, nodes=(GraphNode("constant", numbers=(0,)),), begin={}, messages={}, update={})
    with pytest.raises(ModelError, match="the model has no field"):
        GraphModel(nothing)


@pytest.mark.parametrize(("low", "high"), [(0, 2**61), (-(2**61), 1), (-(2**60), 2**60)])
def test_observables_whose_total_or_its_range_could_wrap_are_refused(manifest_of, low, high):
    wide = plain([X, X], observables={"much": GraphObservable(low, high)}, totals={"much": 0})
    model = GraphModel(wide)
    with pytest.raises(WouldWrap, match="the total of much"):
        manifest_of(model=model, model_hash=model.digest, channels=())


def test_a_cell_that_says_more_than_an_update_is_proved_for_is_refused(manifest_of):
    model = GraphModel(plain([X, X], channels={"loud": GraphChannel(2**20, cell=True)}, messages={"loud": 0}))
    given = {"model": model, "model_hash": model.digest, "channels": ()}
    assert manifest_of(cells=(5, 2**12), **given).cells == (5, 2**12)
    with pytest.raises(ParameterError, match=r"a cell of 4097 people who tell 1048576 each says more than 2\*\*32"):
        manifest_of(cells=(5, 2**12 + 1), **given)


@pytest.mark.parametrize(("cells", "each"), [((), ()), ((9,), (Release(name="cells"),))])
def test_a_run_of_a_graph_releases_its_tally(manifest_of, cells, each):
    model = model_of("crowds")
    given = {"model": model, "model_hash": model.digest, "channels": ("touch",), "cells": cells}
    assert manifest_of(releases=Releases(each=(*each, Release(name="tally"))), **given).releases.of("tally")
    with pytest.raises(ParameterError, match=r"releases without a series know no model's graph; release the tally"):
        manifest_of(releases=Releases(each=each), **given)


def test_two_totals_of_one_name_and_more_than_a_run_releases_are_refused():
    def staged(**stages):
        return {name: GraphField(0, len(each) - 1, stages=tuple(each)) for name, each in stages.items()}

    many = [f"stage{number}" for number in range(2**12 + 1)]
    twice = {"observables": {"YES": GraphObservable(0, 1)}, "totals": {"YES": 0}}
    zero = GraphNode("constant", numbers=(0,))
    for fields, more, said in (
        (staged(x=["YES", "YES"]), {}, "called YES"),
        (staged(x=["NO", "YES"]), twice, "called YES"),
        (staged(a=["b_C", "D"], a_b=["C", "D"]), {}, "called a_b_C"),
        (staged(x=many), {}, "4097 stages and observables"),
    ):
        graph = ModelGraph(fields=fields, nodes=(zero,), begin=dict.fromkeys(fields, 0), messages={}, update={}, **more)
        with pytest.raises(ParameterError, match=said):
            GraphModel(graph)
    GraphModel(plain([zero], fields=staged(x=many[:-1]), begin={"x": 0}, update={}))


def test_a_wide_graph_takes_no_more_memory_for_more_agents_than_their_state_does():
    one, added = GraphNode("constant", numbers=(1,)), [GraphNode("add", (number, 0)) for number in range(1, 500)]
    model = GraphModel(plain([one, X, *added, GraphNode("minimum", (500, 0))]))
    n = 2**17 + 3
    source = AgentSource(np.arange(n, dtype=np.uint64), (1, 2))
    state = model.agents.initial_state(source, {})
    inputs = StepInputs(0, np.zeros((n, 0)), np.zeros((n, 0)), np.zeros((n, 0)), np.zeros(n), np.zeros((n, 0)))
    tracemalloc.start()
    model.agents.update(state, inputs, source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 128 * 2**20


def test_agents_that_are_evaluated_in_parts_are_what_they_are_together(monkeypatch):
    model, n = model_of("crowds"), 50
    source = AgentSource(np.arange(n, dtype=np.uint64), (1, 2))
    draw = np.random.default_rng(5)
    numbers = {name: draw.integers(0, 2, (n, columns)) for name, columns in (("contact", 1), ("cells", 2), ("bits", 1))}
    inputs = StepInputs(
        3, numbers["contact"], numbers["bits"], 9 * numbers["cells"], draw.integers(1, 9, n), numbers["bits"]
    )

    def ends():
        state = model.agents.initial_state(source, {})
        after, anew = model.agents.update(state, inputs, source)
        return {"anew": anew, **{f"before {name}": each for name, each in state.items()}, **after}

    whole = ends()
    monkeypatch.setattr(interpreter, "TOGETHER", 7)
    for name, values in ends().items():
        np.testing.assert_array_equal(values, whole[name], err_msg=name)


@pytest.mark.parametrize("lie", [-1, -(2**63), 2**57 + 1, 2**63 - 1])
def test_a_sum_that_liars_made_counts_as_the_nearest_that_is_proved(lie):
    nodes = [GraphNode("outcome", name="all"), GraphNode("constant", numbers=(50,)), GraphNode("right", (0, 1))]
    nodes += [GraphNode("table", numbers=(*range(128), 128)), GraphNode("lookup", (3, 2))]
    given = {"begin": {"x": 1}, "fields": {"x": GraphField(0, 128)}, "messages": {"talk": 1}}
    more = {"channels": {"talk": GraphChannel(50)}, "outcomes": {"all": GraphOutcome({"talk": 1}, reveals="sum")}}
    model = GraphModel(plain(nodes, **given, **more))
    source, nothing = AgentSource(np.arange(1, dtype=np.uint64), (1, 2)), np.zeros((1, 0), dtype=np.int64)
    zero = np.zeros((1, 1), dtype=np.int64)
    inputs = StepInputs(0, zero, zero, nothing, zero[0], np.array([[lie]]))
    after, _ = model.agents.update({"x": np.array([0])}, inputs, source)
    assert after["x"].tolist() == [0 if lie < 0 else 128]


@pytest.mark.parametrize("name", ["agent", "cell"])
def test_a_private_column_of_the_name_of_another_is_refused(name):
    fields = {"x": BIT, name: GraphField(0, 9, private=True)}
    with pytest.raises(ModelError, match=f"a private column is called {name}"):
        GraphModel(plain([X, X], fields=fields))
