"""A manifest for people to read: a model's graph stands there in words."""

import msgspec

from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from protocols.report.disclosure import describe_disclosure
from protocols.report.manifest_page import differences, rows_of


def manifest(manifest_of, name, parameters=None, **more):
    model = graph_model_of(f"tests.user_models:{name}", parameters or {})
    return manifest_of(model=model, channels=model.contact_channels, max_message=4 * max(model.agents.most), **more)


def test_a_graph_is_shown_in_words(manifest_of):
    shown = manifest(manifest_of, "Banks")
    rows = dict(rows_of(shown))
    assert rows["model.kind"] == "graph"
    assert rows["model.sha256"] == shown.model.digest
    assert "operations, " in rows["model.size"]
    assert rows["model.parameters.shock"] == f"0.2 ({round(0.2 * 2**32)} / 2**32)"
    assert rows["model.stages.state"] == "SOUND | FAILED"
    assert rows["model.private_columns.buffer"] == "0 to 200"
    assert (
        rows["model.messages.loss"]
        == "at most 1 to each contact; directed; depends on news (over time: buffer, news, state)"
    )
    assert (
        rows["model.outcomes.ruin"]
        == "a bit: is 3 x loss, summed up over the steps, above its private threshold; told once"
    )
    assert rows["model.observables.lost"] == "0 to 200"
    assert not [path for path in rows if path.startswith("model.graph")]


def test_what_a_message_never_depends_on_is_said(manifest_of):
    rows = dict(rows_of(manifest(manifest_of, "Averaging")))
    assert rows["model.messages.count"].endswith("depends on nothing; never on level, side")


def test_public_numbers_are_said_with_what_reads_them(manifest_of):
    shown = manifest(manifest_of, "Closures", engine=True)
    rows = dict(rows_of(shown))
    assert rows["model.public.closure"] == "0 to 1; read by health, shut"
    assert rows["model.public.weather"] == "-5 to 5; read by cold, health"
    over_time = "(over time: health, shut, tolerance, the public closure, the public weather); never on cold"
    assert rows["model.messages.cough"] == f"at most 3 to each contact; depends on health, shut {over_time}"
    assert "All heard the public numbers closure, weather, which the engine announced" in describe_disclosure(shown)
    assert "public numbers" not in describe_disclosure(manifest(manifest_of, "Banks"))


def test_weights_and_cells_are_said(manifest_of):
    rows = dict(rows_of(manifest(manifest_of, "Crowds")))
    assert "to its cell's public total" in rows["model.messages.noise"]
    assert "told at each restart" in rows["model.outcomes.infection"]
    assert "a private weight x (1 x talk)" in dict(rows_of(manifest(manifest_of, "Opinion")))["model.outcomes.yes"]


def test_two_values_of_a_parameter_differ_in_words(manifest_of):
    one, other = (manifest(manifest_of, "Banks", {"shock": shock}) for shock in (0.25, 0.5))
    assert differences(one, other) == [
        ("model.parameters.shock", "0.25 (1073741824 / 2**32)", "0.5 (2147483648 / 2**32)")
    ]


def test_two_graphs_differ_by_their_hashes_and_by_what_they_say(manifest_of):
    paths = [path for path, _, _ in differences(manifest(manifest_of, "Banks"), manifest(manifest_of, "Opinion"))]
    assert {"model.sha256", "model.outcomes.ruin", "model.outcomes.yes", "channels"} <= set(paths)


def test_who_must_not_pool_what_they_have_is_said_of_each_kind_of_security(manifest_of):
    honest, active = (manifest_of(mode="outcome", security=each) for each in ("semi-honest", "active"))
    assert "an aggregator that lies can read inputs" in dict(rows_of(honest))["who must not collude"]
    assert "The dealer and an aggregator must not pool" in dict(rows_of(active))["who must not collude"]
    assert ("security", "semi-honest", "active") in differences(honest, active)
    assert "Active: one aggregator that lies" in describe_disclosure(active)
    tree = msgspec.structs.replace(active, comparison="tree")
    assert "one that crashes while it does ends the run" in describe_disclosure(tree)
    assert ("comparison", "-", "tree") in differences(active, tree)
    with_dealer = manifest_for(("a", "b"), (3,), [NOWHERE] * 2, rounds=1, min_cohort=2, dealer=NOWHERE)
    assert "Both aggregators together read sums alone" in dict(rows_of(with_dealer))["who must not collude"]


def test_what_twins_tell_is_counted(manifest_of, seir):
    given = {"model": seir(), "channels": ("near",), "cells": (9, 9, 9, 9), "engine": True}
    plain = manifest_of(((1,), (2, 3)), **given)
    twins = manifest_of(((1,), (2, 3)), **given, twins={"client-0": (0, 1, 0, 0), "client-1": (1, 0, 0, 1)})
    said = dict(rows_of(twins))["what twins tell"]
    assert "(3.3 bits of one client at most, 5.3 of all)" in said  # 10 pairs of places, and one of 4
    assert said in describe_disclosure(twins)
    assert "what twins tell" not in dict(rows_of(plain))
    assert "win" not in describe_disclosure(plain)
    assert ("twins.client-0", "-", "0, 1, 0, 0") in differences(plain, twins)


def test_a_manifest_with_replicates_says_how_much_more_they_tell(manifest_of):
    manifest = manifest_of(mode="outcome", replicates=8)
    rows = dict(rows_of(manifest))
    n, steps = 5, manifest.steps
    assert "8 outcomes of each agent and step in place of 1" in rows["what replicates tell"]
    assert f"{8 * n * steps:,} of all agents and steps" in rows["what replicates tell"]
    assert rows["replicates"] == "8"
    assert "what replicates tell" not in dict(rows_of(manifest.replicate(0)))
