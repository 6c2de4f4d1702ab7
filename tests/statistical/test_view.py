"""What an aggregator sees does not depend on the secrets; and what broken sharings would show it.

Whole runs over real parties, with the clients' coins fixed. An aggregator that expands its shares from keys receives
the same bytes whatever the secrets. At the last aggregator, all but the words of shares are the same, and those words
are fair coins in either world: each bit and each word by itself, their differences, and all pairs of words of a run.
The broken sharings run through the same code, as often, against the same bound.
"""

import dataclasses
from collections import defaultdict
from math import comb

import numpy as np
import pytest
from scipy import stats

from protocols.layout import Layout
from protocols.messages import Share
from protocols.schedule import Phase
from protocols.sharing import Additive, Sharing
from protocols.sharing.additive import keystream

RUNS = 3_000  # in each world
REAL = 1_000  # of them over real parties, where that is asked for
LEVEL = 1e-6  # bound of the smallest p-value, corrected for the number of tests; seeds are fixed, so nothing flakes
BINS = 64  # of the highest and the lowest six bits of a word
CLIENT = "client-0"


@pytest.fixture(params=["sum", "outcome"])
def mode(request):
    return request.param


@pytest.fixture
def small(manifest_of, mode):
    """Return a function that makes the manifest of a small run in either mode."""
    given = {"steps": 3, "period": 2, "cells": (5, 5), "mode": mode, "max_message": 200}
    return lambda agents=((1, 2, 3), (4, 5)), **changes: manifest_of(agents, **given | changes)


def is_share(message):
    return isinstance(message, Share)


def received(recording, party, *, words=True):
    """Return what each sender let a party see, in order: the order between senders is the event loop's.

    So is that between what an aggregator asks another and what it answers it, which go their own ways.

    Without `words`, those of shares are replaced by as many zeros.
    """
    views = defaultdict(list)
    for each in recording.passed:
        if each.receiver == party:
            hides = is_share(each.message) and not words
            shown = dataclasses.replace(each.message, share=np.zeros_like(each.message.share)) if hides else None
            views[each.sender, each.asks].append((dataclasses.replace(each, message=shown) if hides else each).content)
    return dict(views)


@pytest.mark.parametrize("engine", [False, True], ids=["alone", "with an engine"])
@pytest.mark.parametrize("k", [2, 3])
def test_what_an_aggregator_receives_is_the_same_in_two_worlds(small, drawn_world, record, k, engine):
    run = small([(1, 2, 3), (4, 5), (6,)], k=k, engine=engine)  # the engine's agents do not hear the private ones
    one, other = (record(drawn_world(run, world, synthetic=4), seed=5) for world in (1, 2))
    *keyed, last = (party.name for party in run.aggregators)
    for name in keyed:
        assert received(one, name) == received(other, name)
        assert not any(
            each.message.share.size for each in one.passed if each.receiver == name and is_share(each.message)
        )
    views = received(one, last), received(other, last)
    differ = {sender for sender, asks in views[0] if views[0][sender, asks] != views[1][sender, asks]}
    assert differ == {party.name for party in run.clients}
    assert received(one, last, words=False) == received(other, last, words=False)


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


@dataclasses.dataclass(frozen=True)
class Masked(Sharing):
    """A sound sharing of two, of which one line can be broken: its masks."""

    k: int = 2

    def keys(self):
        raise NotImplementedError("the test draws them")

    def split(self, x, keys, *, step):
        return x - self.mask(keys[0], step, x.size)

    def expand(self, key, *, step, out):
        out += self.mask(key, step, out.size)

    def mask(self, key, step, d):
        masks = np.zeros(d, dtype=np.uint64)
        keystream(key, step=step, out=masks)
        return masks


class ReusesMasks(Masked):
    """Forgets the step."""

    def mask(self, key, step, d):
        return super().mask(key, 0, d)


class OverlapsMasks(Masked):
    """Begins each round's masks seven words after the last one's, so that two rounds share some."""

    def mask(self, key, step, d):
        return super().mask(key, 0, 7 * step + d)[7 * step :]


class MasksHalf(Masked):
    """Masks 32 bits of 64."""

    def mask(self, key, step, d):
        return super().mask(key, step, d) & np.uint64(2**32 - 1)


class MasksWithFloats(Masked):
    """Draws masks as floats in [0, 1) and scales them: the highest 53 bits are sound, and the others always 0."""

    def mask(self, key, step, d):
        return (unit(super().mask(key, step, d)) * 2.0**64).astype(np.uint64)


class MasksWithNormals(Masked):
    """Draws masks as normal floats of standard deviation 2**61 and rounds them."""

    def mask(self, key, step, d):
        normal = stats.norm.ppf(np.maximum(unit(super().mask(key, step, d)), 1e-4))
        return np.rint(np.clip(normal, -3.9, 3.9) * 2.0**61).astype(np.int64).view(np.uint64)


def unit(words):
    """Return floats in [0, 1), each a multiple of 2**-53."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


BROKEN = [ReusesMasks(), OverlapsMasks(), MasksHalf(), MasksWithFloats(), MasksWithNormals()]
each_broken = pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: type(broken).__name__)


def words_of(recording, last):
    """Return all words that the last aggregator got from one client, in order."""
    shares = [each for each in recording.passed if (each.sender, each.receiver) == (CLIENT, last)]
    return np.concatenate([each.message.share for each in shares if is_share(each.message)])


def split(sharing, vectors, key):
    """Return the words that a client sends for these vectors under these coins."""
    return np.concatenate([sharing.split(vector, (key,), step=number) for number, vector in vectors])


def key_of(recording):
    return next(each.message.key for each in recording.passed if each.sender == CLIENT)


@pytest.mark.parametrize("sharing", [Additive(2), Masked(), *BROKEN], ids=lambda sharing: type(sharing).__name__)
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
        np.testing.assert_array_equal(split(sharing, vectors, key_of(each)), words_of(each, run.aggregators[-1].name))


def bits_of(words):
    """Return how often each bit of each word is 1, int64[2, D, 64]."""
    big = np.ascontiguousarray(words).astype(">u8")
    return np.unpackbits(big.view(np.uint8).reshape(*words.shape, 8), axis=-1).sum(axis=1, dtype=np.int64)


def bins_of(words):
    """Return how often each word falls into each bin, by its highest bits and by its lowest: int64[2, D, BINS]."""
    offset = np.arange(words.shape[2], dtype=np.uint64) * np.uint64(BINS)
    for bins in (words >> np.uint64(58), words & np.uint64(BINS - 1)):
        counts = [np.bincount((world + offset).ravel(), minlength=offset.size * BINS) for world in bins]
        yield np.array(counts).reshape(len(words), -1, BINS)


def repeats(words):
    """Return the p-value of how often two words of a run, of whichever rounds, differ by what another run's do too."""
    runs, d = words.shape
    columns, found = np.ascontiguousarray(words.T), 0
    for first in range(d - 1):
        differences = np.sort(columns[first + 1 :] - columns[first], axis=1)
        found += int((differences[:, 1:] == differences[:, :-1]).sum())
    return stats.poisson.sf(found - 1, comb(d, 2) * comb(runs, 2) / 2.0**64)


def p_values(words, lag):
    """Return p-values by family of tests: are the words of either world fair coins, and are the worlds alike?

    Args:
        words: uint64[2, runs, D].
        lag: words from a step to the next.
    """
    n, found = words.shape[1], {"repeats": np.array([repeats(words.reshape(2 * words.shape[1], -1))])}
    derived = {
        "words": words,
        "steps": words[:, :, lag:] - words[:, :, :-lag],  # each word less the same one of the step before
        "neighbours": words[:, :, 1:] - words[:, :, :-1],
    }
    for name, each in derived.items():
        ones = bits_of(each)
        found[f"{name}: bits"] = 2 * stats.norm.sf(np.abs(ones - n / 2) / np.sqrt(n / 4))
        found[f"{name}: bits, two worlds"] = 2 * stats.norm.sf(np.abs(ones[0] - ones[1]) / np.sqrt(n / 2))
        for end, counts in zip(("high", "low"), bins_of(each), strict=True):
            fair = ((counts - n / BINS) ** 2 / (n / BINS)).sum(axis=-1)
            apart = ((counts[0] - counts[1]) ** 2 / np.maximum(counts[0] + counts[1], 1)).sum(axis=-1)
            found[f"{name}: {end} bins"] = stats.chi2.sf(fair, BINS - 1)
            found[f"{name}: {end} bins, two worlds"] = stats.chi2.sf(apart, BINS - 1)
    return found


@pytest.fixture
def judged(small, drawn_world, record, record_property):
    """Return a function that gives the last aggregator's verdict on a sharing: its smallest p-value.

    Each family of tests is corrected for its size, then all for the number of families (Bonferroni).
    """

    def judge(sharing, *, real=0):
        run, worlds = small(), []
        for number in (1, 2):
            world, draw = drawn_world(run, number), np.random.default_rng([number, 9])
            vectors = record(world, number, sharing).vectors[CLIENT]
            recordings = (record(world, [number, seed], sharing) for seed in range(real))
            views = [words_of(each, run.aggregators[-1].name) for each in recordings]
            worlds.append(views or [split(sharing, vectors, draw.bytes(32)) for _ in range(RUNS)])
        layout = Layout.of(run)
        lag = layout.d + run.schedule.outcome * layout.words(Phase.DECIDE, CLIENT)
        families = {name: p.min() * p.size for name, p in p_values(np.array(worlds), lag).items()}
        name = min(families, key=lambda each: families[each])
        p = families[name] * len(families)
        record_property("p", f"{p:.2g} ({name})")
        return p

    return judge


def test_the_last_aggregator_sees_fair_coins_in_every_world(judged):
    assert judged(Additive(2)) > LEVEL


def test_a_sound_sharing_written_like_the_broken_ones_passes(judged):
    assert judged(Masked()) > LEVEL


@each_broken
def test_a_broken_sharing_is_caught(judged, broken):
    assert judged(broken) < LEVEL


@pytest.mark.slow
def test_the_last_aggregator_sees_fair_coins_over_real_runs(judged):
    assert judged(Additive(2), real=REAL) > LEVEL


@pytest.mark.slow
@each_broken
def test_a_broken_sharing_is_caught_over_real_runs(judged, broken):
    assert judged(broken, real=REAL // 4) < LEVEL
