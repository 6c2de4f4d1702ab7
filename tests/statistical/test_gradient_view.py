"""No one sees a client's gradient: what each party receives in runs that take derivatives, in two worlds.

Contacts, cells and states are drawn anew in each world, and with them all derivatives. Clients' coins are fixed. The
sharing itself is held against fair coins in `test_view`; here it is shown that derivatives travel in nothing else.
"""

import dataclasses
from collections import defaultdict

import numpy as np
import pytest
from scipy import stats

from protocols.arithmetic.fixed_point import from_ring
from protocols.arithmetic.sharing import Additive
from protocols.models.gradient import Gradient
from protocols.task.layout import Layout
from protocols.task.outcome_layout import bit_words
from protocols.task.rounds import Phase
from protocols.wire.messages import RoundRelease, RoundResult, Share

SLOPES = {"slopes": {"latent_law": (-1.0, 1.0)}}
NAMES = ("contact_rate", "cell_rate", "latent_law", "initial")
WAYS = {
    "tangents": ("sum", Gradient(way="tangents", parameters=NAMES, stays="geometric")),
    "score": ("sum", Gradient(way="score", parameters=("contact_rate", "latent_law", "initial"), **SLOPES)),
    "hidden score": (
        "outcome",
        Gradient(way="score", parameters=("scale.infection", "latent_law"), largest_hazard=64.0, **SLOPES),
    ),
    "adjoints": ("sum", Gradient(way="adjoints", parameters=NAMES, stays="geometric")),
}
CLIENTS = ((1, 2, 3), (4, 5), (6,))
RUNS, LEVEL = 3_000, 1e-6


@pytest.fixture(params=WAYS)
def run(request, manifest_of):
    """Return the manifest of a small run of each way."""
    mode, gradient = WAYS[request.param]
    given = {"steps": 3, "period": 2, "cells": (9, 9), "max_message": 200, "engine": True, "min_cohort": 2}
    return manifest_of(CLIENTS, mode=mode, gradient=gradient, **given)


def received(recording, party):
    """Return what each sender let a party see of each kind, the words of shares left out, and these words.

    The order between kinds is the event loop's: the engine of an adjoint run calls from a thread of its own.
    """
    views, words = defaultdict(list), defaultdict(list)
    for each in recording.passed:
        if each.receiver == party:
            message = each.message
            if isinstance(message, Share):
                words[each.sender].append(message.share)
                message = dataclasses.replace(message, share=np.zeros_like(message.share))
            views[each.sender, type(message).__name__].append(dataclasses.replace(each, message=message).content)
    return dict(views), {name: np.concatenate(shares) for name, shares in words.items()}


def test_an_aggregator_sees_nothing_of_a_clients_gradient_but_one_share(run, drawn_world, record):
    one, other = (record(drawn_world(run, world), seed=5) for world in (1, 2))
    keyed, last = (party.name for party in run.aggregators)
    assert received(one, keyed)[0] == received(other, keyed)[0]
    assert not any(words.size for words in received(one, keyed)[1].values())  # this one expands its shares from keys
    (shown, words), (shown_other, words_other) = received(one, last), received(other, last)
    assert shown == shown_other
    assert all((words[name] != words_other[name]).any() for name in words)


def test_every_round_is_masked_by_coins_of_its_own(run, drawn_world, record):
    recording = record(drawn_world(run, 1), seed=5)
    assert recording.vectors.keys() == {client.name for client in run.clients}
    for vectors in recording.vectors.values():
        assert [number for number, _ in vectors] == list(range(run.schedule.rounds))


def test_the_words_of_a_share_are_fair_coins_in_every_world(run, drawn_world, record):
    """Each bit of each word of the rounds in which derivatives travel, over many runs' coins."""
    draw, sharing, ones = np.random.default_rng(8), Additive(2), []
    for world in (1, 2):
        vectors = record(drawn_world(run, world), seed=5).vectors["client-0"]
        vector = next(v for number, v in reversed(vectors) if run.schedule.phase(number) == Phase.SPEAK and v.any())
        shares = (sharing.split(vector, (draw.bytes(32),), round_number=number) for number in range(RUNS))
        ones.append(sum(np.unpackbits(share.view(np.uint8)).astype(np.int64) for share in shares))
    for excess, variance in (
        (ones[0] - RUNS / 2, RUNS / 4),
        (ones[1] - RUNS / 2, RUNS / 4),
        (ones[0] - ones[1], RUNS / 2),
    ):
        p = 2 * stats.norm.sf(np.abs(excess) / np.sqrt(variance))
        assert p.min() * p.size > LEVEL


def test_what_is_told_is_a_clients_own_or_a_sum_over_all(run, drawn_world, record):
    """No reply to the engine or a client has more words than its own exposures and the release."""
    layout, recording = Layout.of(run), record(drawn_world(run, 1), seed=5)
    replies = [each for each in recording.passed if isinstance(each.message, RoundResult | RoundRelease)]
    assert replies
    for each in replies:
        assert each.message.members == len(CLIENTS)
        assert each.message.release.size in (0, layout.release_words)
        if isinstance(each.message, RoundResult):
            first, end = layout.own[each.receiver]
            assert each.message.own.size in (0, bit_words(end - first), end - first, (end - first) * layout.c)


@pytest.mark.parametrize("way", ["score", "hidden score"])
def test_one_vector_of_scores_is_opened_when_the_run_closes(way, manifest_of, drawn_world, record):
    mode, gradient = WAYS[way]
    run = manifest_of(CLIENTS, mode=mode, gradient=gradient, steps=4, engine=True, min_cohort=2, max_message=200)
    layout, recording = Layout.of(run), record(drawn_world(run, 3), seed=5)
    opened = defaultdict(list)
    for each in recording.passed:
        if isinstance(each.message, RoundRelease):
            opened[each.message.step].append(each.message.release)
    words = layout.q - 4
    scores = {step: from_ring(sum(parts[1:], start=parts[0]))[-words:] for step, parts in opened.items()}
    assert [step for step, score in sorted(scores.items()) if score.any()] == [run.steps]
