"""A model's bytes: canonical, strict, bounded; whatever else arrives is refused in one line."""

import json

import msgspec
import pytest

from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace
from protocols.errors import ModelError
from protocols.models.graph.bounds import prove
from protocols.models.graph.checks import check
from protocols.models.graph.graph import MAX_NODES, ModelGraph, decode, encode

GRAPH = trace(SeirModel).graph


def changed(**parts):
    """Return the bytes of the graph with some parts of its JSON replaced."""
    content = json.loads(encode(GRAPH))
    content.update(parts)
    return json.dumps(content, separators=(",", ":")).encode()


def nodes(*rows):
    """Return a graph's bytes with these nodes behind its own."""
    return changed(nodes=[*json.loads(encode(GRAPH))["nodes"], *rows])


def test_what_is_encoded_is_decoded_and_is_the_same_model():
    again = decode(encode(GRAPH))
    assert again == GRAPH
    assert again.identity == GRAPH.identity
    assert len(check(again)) == len(prove(again)) == len(GRAPH.nodes)


def test_a_changed_formula_is_another_model():
    for name in ("begin", "update"):
        roots = dict(getattr(GRAPH, name))
        roots["stage"] = roots["timer"]
        assert msgspec.structs.replace(GRAPH, **{name: roots}).identity != GRAPH.identity


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        changed(version=2),
        changed(extra=1),
        changed(nodes=[["add", [0, 1], "", []]]),
        encode(GRAPH) + b" ",
        changed(nodes=[["constant", [], "", [2**63]]]),
        changed(nodes=[["constant", [], "", [1.5]]]),
        changed(nodes=[["constant", [], "a" * 65, [1]]]),
        b"[" * 100_000,
        changed(nodes=[["constant", [], "", [0]]] * (MAX_NODES + 1)),
    ],
)
def test_bytes_that_no_encoder_writes_are_refused(content):
    with pytest.raises(ModelError):
        check(decode(content))


@pytest.mark.parametrize(
    ("row", "match"),
    [
        (["add", [4000, 0], "", []], "comes after it"),
        (["jump", [], "", []], "no operation is called so"),
        (["add", [3], "", []], "takes"),
        (["and", [3, 3], "", []], "takes"),
        (["where", [3, 3, 3], "", []], "takes"),
        (["field", [], "wealth", []], "there is no field"),
        (["cell", [], "contact", []], "goes along contacts"),
        (["days", [3, 3], "latent", [0]], "takes"),
        (["happens", [3], "", [0]], "takes"),
        (["happens", [3], "x", [9]], "takes"),
        (["exponential", [], "x", [0, 58]], "fraction bits"),
        (["exponential", [], "seed", [0, 40]], "draws of all spells"),
        (["constant", [], "", []], "no operation is called so"),
        (["lookup", [3, 3], "", []], "no operation is called so"),
    ],
)
def test_a_node_that_does_not_fit_is_refused_in_one_line(row, match):
    content = json.dumps(json.loads(nodes(row)), separators=(",", ":")).encode()
    with pytest.raises(ModelError, match=match) as refused:
        check(msgspec.json.decode(content, type=ModelGraph))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("part", "declared"),
    [
        ("public", [5, 4]),
        ("parameters", {"low": 5, "high": 4}),
        ("observables", {"low": 5, "high": 4}),
        ("fields", {"low": 5, "high": 4, "private": True}),
    ],
)
def test_a_range_whose_bounds_are_reversed_is_refused(part, declared):
    before = json.loads(encode(GRAPH)).get(part, {})
    more = {"totals": {"odd": 3}} if part == "observables" else {}
    content = json.loads(changed(**{part: {**before, "odd": declared}}, **more))
    with pytest.raises(ModelError, match=r"range of .*odd is 5 to 4"):
        check(decode(encode(msgspec.convert(content, ModelGraph))))


def hostile():
    """Yield graphs made to be slow, deep, wide, or to overflow."""
    base = json.loads(encode(GRAPH))
    room = MAX_NODES - len(base["nodes"])
    first = len(base["nodes"])
    chains = {
        "doubling": [["add", [first + i - 1 if i else 31] * 2, "", []] for i in range(room)],
        "squares": [["multiply", [first + i - 1 if i else 37] * 2, "", []] for i in range(room)],
        "shifts": [["left", [first + i - 1 if i else 31, 37], "", []] for i in range(room)],
        "tables": [["table", [], "", [1] * 2**15]] * 8,
        "draws": [["exponential", [], f"d{i}", [1, 40]] for i in range(room)],
        "cycle": [["add", [first + 1, 3], "", []], ["add", [first, 3], "", []]],
        "self": [["add", [first, first], "", []]],
    }
    for name, rows in chains.items():
        for part in ("update", "begin", "messages", "thresholds", "restarts", "totals", "weights"):
            owner = {"messages": "contact", "thresholds": "infection", "restarts": "infection", "weights": "infection"}
            root = {owner.get(part, "timer"): first + len(rows) - 1}
            content = {**base, "nodes": [*base["nodes"], *rows], part: {**base.get(part, {}), **root}}
            yield f"{name}-{part}", json.dumps(content, separators=(",", ":")).encode()


@pytest.mark.parametrize(("name", "content"), list(hostile()), ids=lambda x: x if isinstance(x, str) else "")
def test_a_hostile_graph_is_refused_quickly_and_without_a_crash(name, content):
    with pytest.raises(ModelError):
        prove_all(content)
    assert name


def test_a_deep_graph_takes_no_recursion():
    base = json.loads(encode(GRAPH))
    first = len(base["nodes"])
    rows = [["add", [first + i - 1 if i else 3, 3], "", []] for i in range(MAX_NODES - first)]
    content = {**base, "nodes": [*base["nodes"], *rows], "update": {**base["update"], "timer": MAX_NODES - 1}}
    prove_all(json.dumps(content, separators=(",", ":")).encode())


def prove_all(content):
    """Do what a party does with a graph that it was sent."""
    graph = decode(content)
    check(graph)
    prove(graph)
