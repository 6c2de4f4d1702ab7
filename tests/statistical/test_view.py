"""What an aggregator sees does not depend on the secrets; and what three broken sharings would show it.

Aggregators that expand their shares from keys must get the same bytes whatever the secrets, with the same coins. What
the last aggregator gets must be fair coins in every world: each bit of each word, and of the differences between words
and between rounds. All coins are seeded, so that the test cannot flake.
"""

import asyncio
from dataclasses import dataclass

import numpy as np
import pytest

from client_sdk import Client, ContactTable, PrivateState
from client_sdk.exchange import Exchange
from protocols.layout import Layout
from protocols.messages import Closed, Join, Joined, Share
from protocols.schedule import Phase
from protocols.sharing import Additive
from protocols.sharing.base import Sharing
from protocols.substeps import Stage
from protocols.wire import codec
from protocols.wire.transport import Transport

RUNS = 3_000
FEW = 500  # enough for what is broken, whose signs grow with the square root
SIGMAS = 6.0  # 2e-9 two-sided, over some ten thousand bits
AGENTS = [(1, 2, 3), (4, 5)]


class Recorded(Transport):
    """Keeps every byte that an aggregator is sent, in order; answers with zeros."""

    def __init__(self, manifest):
        self._layout, self._outcome = Layout.of(manifest), manifest.schedule.outcome
        self.view = []

    async def call(self, request, *, timeout_s):
        self.view.append(codec.encode(request))
        if isinstance(request, Join):
            return Joined(0)
        speak = request.phase == Phase.SPEAK
        own = 3 * (0 if speak and self._outcome else speak or request.phase == Phase.DECIDE)
        sizes = own, self._layout.released * speak, self._layout.cells * speak
        words = [np.zeros(size, dtype=np.uint64) for size in sizes]
        return Closed(request.step, words[0], words[1], words[2].view(np.int64), 2, request.phase)


def secrets(manifest, world):
    """Return the private state of `client-0` in one of two worlds that differ in everything that is private."""
    rows = [(0, 0, 3, 0, 90), (1, 1, 4, 0, 70), (0, 2, 4, 0, 50)] if world else [(0, 0, 1, 0, 1)]
    table = ContactTable(*np.array(rows, dtype=np.int64).T)
    private = PrivateState(manifest, "client-0", contacts=table, cell=np.array([world, 0, world]))
    stage = Stage.I if world else Stage.S
    private.state |= {
        "stage": np.full(3, stage, dtype=np.int8),
        "timer": np.full(3, 9, dtype=np.int16),
        "tau": np.full(3, 2**50 if world else 1, dtype=np.int64),
    }
    return private


async def take_part(manifest, world, keys, sharing):
    """Run a client through a whole run, and return what each aggregator received."""
    transports = [Recorded(manifest) for _ in manifest.aggregators]
    private = secrets(manifest, world)
    exchange = Exchange(manifest, "client-0", transports)
    exchange._keys, exchange._sharing = keys, sharing
    client = Client(manifest, private, exchange)
    await exchange.join()
    if manifest.schedule.outcome:
        await exchange.round(private.state["tau"].view(np.uint64), step=0, phase=Phase.THRESHOLDS)
    await client.run()
    return [transport.view for transport in transports]


@pytest.fixture(params=["sum", "outcome"])
def manifest(request, manifest_of):
    return manifest_of(AGENTS, steps=2, period=2, cells=(5, 5), mode=request.param, max_message=200)


@pytest.mark.parametrize("k", [2, 3])
def test_an_aggregator_with_a_key_gets_the_same_bytes_whatever_the_secrets(manifest_of, k):
    for mode in ("sum", "outcome"):
        run = manifest_of(AGENTS, k=k, steps=2, period=2, cells=(5, 5), mode=mode, max_message=200)
        keys = tuple(bytes([a + 1]) * 32 for a in range(k - 1))
        one, other = (asyncio.run(take_part(run, world, keys, Additive(k))) for world in (0, 1))
        for keyed in range(k - 1):
            assert one[keyed] == other[keyed]
            assert sum(len(call) for call in one[keyed]) < 100 * len(one[keyed])  # no vector travels
        assert [len(call) for call in one[-1]] == [len(call) for call in other[-1]]
        assert one[-1] != other[-1]


def collect(manifest, sharing, *, seed, n=RUNS):
    """Return uint64[2, n, d]: in each world, all words that the last aggregator got in each run."""

    async def everything():
        draw = np.random.default_rng(seed)
        worlds = []
        for world in (0, 1):
            runs = []
            for _ in range(n):
                views = await take_part(manifest, world, (draw.bytes(32),), sharing)
                requests = [codec.decode(Share, call) for call in views[-1][1:]]
                runs.append(np.concatenate([request.share for request in requests]))
            worlds.append(runs)
        return np.array(worlds)

    return asyncio.run(everything())


def largest_z(views):
    """Return how far any bit is from a fair coin in either world, or from the other world's, in standard errors."""
    largest = 0.0
    first = views[:, :, :1]
    for derived in (views, views - first, views[:, :, 1:] - views[:, :, :-1], views ^ first):
        words = np.ascontiguousarray(derived).astype(">u8")
        bits = np.unpackbits(words.view(np.uint8).reshape(*words.shape, 8), axis=-1).astype(np.float32)
        means = bits.mean(axis=1)
        informative = np.ones(means.shape[1], dtype=bool)
        if derived.shape == views.shape and derived is not views:
            informative[0] = False  # the first word less itself
        fair = np.abs(means[:, informative] - 0.5).max() / (0.5 / np.sqrt(views.shape[1]))
        apart = np.abs(means[0] - means[1])[informative].max() / np.sqrt(0.5 / views.shape[1])
        largest = max(largest, float(fair), float(apart))
    return largest


def test_the_last_aggregator_sees_fair_coins_in_every_world(manifest):
    assert largest_z(collect(manifest, Additive(2), seed=11)) < SIGMAS


@dataclass(frozen=True)
class Broken(Sharing):
    """A sharing with a fault that a test must find."""

    k: int = 2

    def keys(self):
        return Additive(2).keys()

    def expand(self, key, *, step, out):
        raise NotImplementedError

    def mask(self, key, step, d):
        masks = np.zeros(d, dtype=np.uint64)
        Additive(2).expand(key, step=step, out=masks)
        return masks

    def split(self, x, keys, *, step):
        return x - self.mask(keys[0], step, x.size)


class ReusesMasks(Broken):
    """Forgets the step."""

    def mask(self, key, step, d):
        return super().mask(key, 0, d)


class MasksHalf(Broken):
    """Masks 32 bits of 64."""

    def mask(self, key, step, d):
        return super().mask(key, step, d) & np.uint64(0xFFFFFFFF)


class MasksWithFloats(Broken):
    """Draws masks as 64-bit floats, which have 53 bits."""

    def mask(self, key, step, d):
        return (super().mask(key, step, d).astype(np.float64) / 2.0).astype(np.uint64) * np.uint64(2)


def test_a_sound_sharing_written_like_the_broken_ones_passes(manifest):
    assert largest_z(collect(manifest, Broken(), seed=12, n=FEW)) < SIGMAS


@pytest.mark.parametrize("broken", [ReusesMasks(), MasksHalf(), MasksWithFloats()], ids=lambda b: type(b).__name__)
def test_a_broken_sharing_is_caught(manifest, broken):
    assert largest_z(collect(manifest, broken, seed=13, n=FEW)) > 3 * SIGMAS
