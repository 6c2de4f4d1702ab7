"""What an aggregator sees does not depend on the secrets; and what broken sharings would show it.

Whole runs over real parties, with the clients' coins fixed. An aggregator that expands its shares from keys receives
the same bytes whatever the secrets. At the last aggregator, all but the words of shares are the same, and those words
are fair coins in either world: each bit and each word by itself, their differences, and all pairs of words of a run.
The broken sharings run through the same code, as often, against the same bound.
"""

from collections import defaultdict

import numpy as np
import pytest

from lpm_secure.audit.views import check
from lpm_secure.audit.views.check import LEVEL, RUNS, lag_of, split
from lpm_secure.audit.views.mutants import BROKEN, MaskSharing
from lpm_secure.audit.views.statistic import smallest
from lpm_secure.models.tracer import trace
from protocols.arithmetic.sharing import Additive
from protocols.models.graph.agents import GraphModel
from tests.user_models import MODELS

REAL = 1_000  # runs in each world over real parties, where that is asked for
FEW = 500  # for what RUNS are not needed
CLIENT = "client-0"


def words_of(recording, client, last):
    """Return all words that the last aggregator got from one client, in order."""
    shares = [each for each in recording.passed if (each.sender, each.receiver) == (client, last)]
    return np.concatenate([each.message.share for each in shares if each.is_share])


@pytest.fixture(params=["sum", "outcome"])
def mode(request):
    return request.param


@pytest.fixture
def small(manifest_of, mode):
    """Return a function that makes the manifest of a small run in either mode."""
    given = {"steps": 3, "period": 2, "cells": (5, 5), "mode": mode, "max_message": 200}
    return lambda agents=((1, 2, 3), (4, 5)), **changes: manifest_of(agents, **given | changes)


@pytest.mark.parametrize("engine", [False, True], ids=["alone", "with an engine"])
@pytest.mark.parametrize("k", [2, 3])
def test_what_an_aggregator_receives_is_the_same_in_two_worlds(small, drawn_world, record, k, engine):
    run = small([(1, 2, 3), (4, 5), (6,)], k=k, engine=engine)  # the engine's agents do not hear the private ones
    one, other = (record(drawn_world(run, world, synthetic=4), seed=5) for world in (1, 2))
    *keyed, last = (party.name for party in run.aggregators)
    for name in keyed:
        assert one.bytes_to(name) == other.bytes_to(name)
        assert not any(each.message.share.size for each in one.passed if each.receiver == name and each.is_share)
    views = one.bytes_to(last), other.bytes_to(last)
    differ = {sender for sender, asks in views[0] if views[0][sender, asks] != views[1][sender, asks]}
    assert differ == {party.name for party in run.clients}
    assert one.bytes_to(last, words=False) == other.bytes_to(last, words=False)


def test_the_order_in_which_calls_arrive_is_the_same_in_two_worlds(small, drawn_world, record):
    run = small([(1, 2, 3)])
    worlds = [record(drawn_world(run, world), seed=5).passed for world in (1, 2)]
    names = [party.name for party in run.aggregators]
    for name in names:
        one, other = (by_side(passed, name, names) for passed in worlds)
        assert one == other


def by_side(passed, name, peers):
    """Return what arrives at a party, in order: from clients, and what other aggregators ask and answer meanwhile."""
    found = defaultdict(list)
    for each in passed:
        if each.receiver == name:
            found[each.sender in peers, each.asks].append(order(each))
    return found


def order(each):
    return each.sender, type(each.message).__name__, getattr(each.message, "step", None), len(each.content[2])


each_broken = pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: type(broken).__name__)


def key_of(recording):
    return (next(each.message.key for each in recording.passed if each.sender == CLIENT),)


@pytest.mark.parametrize("sharing", [Additive(2), MaskSharing(), *BROKEN], ids=lambda sharing: type(sharing).__name__)
def test_vectors_do_not_depend_on_coins_so_that_splitting_them_again_is_another_run(
    small, drawn_world, record, sharing
):
    run = small()
    recordings = [record(drawn_world(run, 1), seed, sharing) for seed in range(4)]
    for each in recordings:
        vectors = each.vectors[CLIENT]
        assert [number for number, _ in vectors] == list(range(run.schedule.rounds))
        for (_, vector), (_, first) in zip(vectors, recordings[0].vectors[CLIENT], strict=True):
            np.testing.assert_array_equal(vector, first)
        sent = words_of(each, CLIENT, run.aggregators[-1].name)
        np.testing.assert_array_equal(split(sharing, each, CLIENT, key_of(each)), sent)


@pytest.fixture
def judged(small, drawn_world, record, record_property):
    """Return a function that gives the last aggregator's verdict on a sharing: its smallest p-value."""

    def judge(sharing, *, real=0):
        run, worlds = small(), []
        for number in (1, 2):
            world, draw = drawn_world(run, number), np.random.default_rng([number, 9])
            first = record(world, number, sharing)
            recordings = (record(world, [number, seed], sharing) for seed in range(real))
            views = [words_of(each, CLIENT, run.aggregators[-1].name) for each in recordings]
            worlds.append(views or [split(sharing, first, CLIENT, (draw.bytes(32),)) for _ in range(RUNS)])
        p, name = smallest(np.array(worlds), lag_of(run, CLIENT))
        record_property("p", f"{p:.2g} ({name})")
        return p

    return judge


def test_the_last_aggregator_sees_fair_coins_in_every_world(judged):
    assert judged(Additive(2)) > LEVEL


def test_a_sound_sharing_written_like_the_broken_ones_passes(judged):
    assert judged(MaskSharing()) > LEVEL


@each_broken
def test_a_broken_sharing_is_caught(judged, broken):
    assert judged(broken) < LEVEL


@pytest.mark.parametrize("k", [2, 3])
def test_the_audits_own_check_finds_nothing_in_this_build_and_every_broken_sharing(small, k):
    run = small(k=k, engine=True, min_cohort=2)
    assert check.audit(run, runs=FEW) == []
    for name, mutant in check.MUTANTS.items():
        assert check.audit(run, mutant, runs=FEW), name


@pytest.mark.slow
def test_the_last_aggregator_sees_fair_coins_over_real_runs(judged):
    assert judged(Additive(2), real=REAL) > LEVEL


@pytest.mark.slow
@each_broken
def test_a_broken_sharing_is_caught_over_real_runs(judged, broken):
    assert judged(broken, real=REAL // 4) < LEVEL


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("crowds", "ReusesMasks"),
        ("averaging", "ReusesMasks"),
        ("closures", "ReusesMasks"),
        pytest.param("density", "ReusesMasks", marks=pytest.mark.slow),
        ("opinion", "OverlapsMasks"),
    ],
)
def test_the_views_of_a_run_of_any_model_are_audited(name, broken, manifest_of):
    traced = trace(MODELS[name])
    model = GraphModel(traced.graph, dict(traced.parameters))
    given_ = {"model": model, "model_hash": model.digest, "channels": model.contact_channels}
    given_ |= {"engine": bool(model.agents.public)}
    cells = (5,) * (len(model.agents.cell_names) or 2)
    manifest = manifest_of(mode="outcome", cells=cells, max_message=1000, **given_)
    assert check.audit(manifest, runs=400) == []
    assert check.audit(manifest, check.MUTANTS[broken], runs=400)
