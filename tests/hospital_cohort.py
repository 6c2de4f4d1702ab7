"""Hospitals whose gradients are summed in one process, some of which cheat: for tests of group testing."""

import asyncio
import dataclasses

import numpy as np

from client_sdk.secure_sum.contribution import Contribution
from client_sdk.simulation.exchange import Exchange
from lpm_secure.engine.announcement import AnnouncementTerms, announce
from lpm_secure.secure_sum.parties import manifest_for
from protocols.errors import RoundClosed, ShareRefused, Unavailable
from protocols.task.manifest import run_id
from protocols.task.parties import ENGINE
from protocols.wire.messages import Announcement, TrialQuery, TrialShare

SHAPE, WORDS, CLIPPED = (2, 3), 6, Contribution(clip=50.0, bits=24)
LIAR = "hospital-3"
GARBAGE = np.full(WORDS, 2**55, dtype=np.uint64)


def manifest_of(*, count=8, min_cohort=4, rounds=3, k=2, **changes):
    names = tuple(f"hospital-{index}" for index in range(count))
    addresses = [f"127.0.0.1:{port}" for port in range(1001, 1001 + k)]
    return manifest_for(names, SHAPE, addresses, contribution=CLIPPED, rounds=rounds, min_cohort=min_cohort, **changes)


def gradients_of(manifest, step):
    """Return uint64[words] of each hospital, within what it may add."""
    rng = np.random.default_rng(step)
    top = int(50 * 2**24 / WORDS)
    return {each.name: rng.integers(-top, top, WORDS).view(np.uint64) for each in manifest.clients}


@dataclasses.dataclass
class Party:
    """A hospital that shares what it is told to."""

    exchange: Exchange
    ended: list = dataclasses.field(default_factory=list)
    missed: list = dataclasses.field(default_factory=list)

    async def take(self, vector, step):
        while True:
            try:
                return await self.exchange.round(vector, step=step)
            except Unavailable:
                await asyncio.sleep(0.01)
            except ShareRefused as error:
                self.ended.append((step, str(error)))
                return None
            except RoundClosed:
                self.missed.append(step)
                return None


async def played(running, manifest, *, cheats, first=0, keys=None, last=None, word=0):
    """Play all rounds; `cheats` maps a step to what hospitals send in place of their gradients."""
    parties = {}
    for each in manifest.clients:
        own = Exchange(manifest, each.name, running.transports(each.name), keys=(keys or {}).get(each.name))
        parties[each.name] = Party(own)
        try:
            await own.join()
        except ShareRefused as error:
            parties[each.name].ended.append((first, str(error)))
    engine, told = running.transports(ENGINE), {}
    for step in range(first, (manifest.steps if last is None else last) + 1):
        vectors = gradients_of(manifest, step) | cheats(step)
        if step % 2 == 0:
            vectors = dict.fromkeys(vectors, np.zeros(WORDS, dtype=np.uint64)) | cheats(step)
        calls = [each.take(vectors[name], step) for name, each in parties.items() if not each.ended]
        told[step], *_ = await asyncio.gather(announced(manifest, engine, step, word), *calls)
    return told, parties


async def announced(manifest, engine, step, word):
    while True:
        try:
            call = Announcement(run_id(manifest), step, np.full(WORDS, word, dtype=np.int64))
            return await announce(AnnouncementTerms(manifest.share(), manifest.length, manifest), engine, call)
        except Unavailable:
            await asyncio.sleep(0.01)


def sum_of(manifest, step, members):
    vectors = gradients_of(manifest, step)
    return np.add.reduce([vectors[name] for name in members], axis=0).view(np.int64)


def lies(step):
    return {LIAR: GARBAGE} if step % 2 else {}


def others(manifest, *names):
    return tuple(each.name for each in manifest.clients if each.name not in names)


def asked_of(run, *, step=1, trial=0, over):
    return run.share_trial(TrialQuery(run.id, step, trial, over))


@dataclasses.dataclass
class Watched:
    """Between two parties: writes down what is told of sums, and is out of order for one of them."""

    inner: object
    callee: str
    told: dict
    broken: set

    async def call(self, request, *, timeout_s):
        if isinstance(request, TrialQuery) and request.trial in self.broken:
            raise Unavailable("away")
        reply = await self.inner.call(request, timeout_s=timeout_s)
        if isinstance(reply, TrialShare):
            self.told.setdefault((self.callee, reply.step, reply.trial), set()).add(reply.share.tobytes())
        return reply
