"""What is opened to compare by a tree is fair coins, in each of two worlds that differ in all thresholds and levels.

A decision compares 64 agents alike, so an opened plane is one word of 64 coins under as many masks, and one run tells a
plane, or two planes of which one mask hides both, from coins. Held are what each aggregator tells the other, what both
know of it, and the bits that clients are told; proofs are held by `tests/unit/aggregator/masking/carry`.
"""

import itertools

import msgspec
import numpy as np
import pytest
from scipy import special

from aggregator.masking import dealer
from aggregator.masking.carry import share
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.masking.messages import ClientReply, OpeningShare, from_bytes
from tests.masked_lies import ANSWERS, KINDS, few

WORLDS = (0, 3), (7, 1)  # each agent's threshold, and what it is told in each step
OWN, BETA = 32, 2**10  # agents of each of two clients, and what a level grows by
ALARM = 1e-5  # for all tests together


def words(run, tau, said):
    """Return both clients' words of the round in hand."""
    plan, number = run.plan, run.aggregators[0].number
    phase = plan.phase(number).name
    if phase != "SPEAK":
        return {name: np.full(OWN, BETA * tau * (phase == "THRESHOLDS"), np.uint64) for name in plan.names}
    exposure, found = np.zeros((2, OWN, 1), np.int64), {}
    speaks = plan.manifest.schedule.step(number) < plan.manifest.steps
    for place, name in enumerate(plan.names):
        exposure[:] = 0
        exposure[1 - place] = said * speaks
        tally = np.array([OWN, 0, 0, 0])
        found[name] = plan.layout.pack(exposure.reshape(-1, 1), np.zeros(plan.layout.cells, np.int64), tally)
    return found


def play(manifest, world):
    """Return all planes of a run, uint64[planes, 3]: what each aggregator tells of them, and what both know."""
    told = {}

    def between(sender, receiver, message):
        content = msgspec.msgpack.decode(message.content, type=KINDS | ANSWERS)
        if isinstance(content, OpeningShare):
            opened = from_bytes(content.words or b"".join(message.parts))
            told.setdefault((content.number, content.part), {})[sender] = opened
        elif isinstance(content, ClientReply) and content.answers and sender == "aggregator-0":
            told.setdefault((content.number, receiver), {})[sender] = from_bytes(content.answers)
        return message

    run = MaskedRun.draw(manifest, between=between).start()
    while run.aggregators[0].number < manifest.schedule.rounds:
        run.play(words(run, *world))
    proofs = {(number, max(part for n, part in told if n == number and isinstance(part, int))) for number, _ in told}
    rows = []
    for name in sorted(told.keys() - proofs, key=str):
        if len(told[name]) == 2:
            one, other = (told[name][f"aggregator-{index}"] for index in (0, 1))
            rows += zip(one, other, one ^ other, strict=True)
        elif name[1] == "client-0":  # both clients' bits are one plane, which both know
            bits = np.concatenate([told[name[0], client]["aggregator-0"] for client in ("client-0", "client-1")])
            rows.append(3 * (np.packbits(bits.astype(np.uint8), bitorder="little").view("<u8")[0],))
    return np.array(rows, dtype=np.uint64)


def smallest(worlds):
    """Return the smallest p-value of planes, uint64[worlds, runs, planes, 3], and of pairs of them, in either world."""
    runs, planes = worlds.shape[1:3]
    pairs = np.array(list(itertools.combinations(range(planes), 2)))
    each = np.concatenate([worlds, worlds[:, :, pairs[:, 0]] ^ worlds[:, :, pairs[:, 1]]], axis=2)
    ones = np.bitwise_count(each).sum(axis=1, dtype=np.int64)
    n = 64 * runs
    fair = 2 * special.bdtr(np.minimum(ones, n - ones), n, 0.5)
    return float(min(fair.min(), 1.0) * fair.size)


@pytest.fixture
def manifest(manifest_of, seir):
    agents = tuple(tuple(range(first, first + OWN)) for first in (0, OWN))
    model = seir(beta=(BETA,), cell_beta=0, f=10)
    return manifest_of(agents, mode="outcome", steps=2, max_message=4, model=model, comparison="tree")


def views(manifest, runs, worlds=WORLDS):
    return np.array([[play(manifest, world) for _ in range(runs)] for world in worlds])


@pytest.mark.parametrize("runs", [1, pytest.param(60, marks=pytest.mark.slow)])
def test_what_is_opened_by_a_tree_is_fair_coins_in_each_world(manifest, runs):
    found = views(manifest, runs)
    assert found.shape[2] > 20
    assert smallest(found) > ALARM


def unmasked(place):
    """Return a dealer one of whose masks is nothing."""

    def change(deal):
        def changed(circuit, r, masks):
            drawn = iter(range(10**6))

            def draw(count):
                planes = masks(count)
                for row in range(count):
                    if next(drawn) == place:
                        planes[row] = 0
                return planes

            return deal(circuit, r, draw)

        return changed

    return change


def repeated(deal):
    """Return a dealer whose masks of one gate serve the next one, too."""

    def changed(circuit, r, masks):
        first = masks(16)
        return deal(circuit, r, lambda count: first[:count].copy())

    return changed


def bare(deal):
    """Return a dealer that opens bits under the clients' masks, which are nothing."""
    return lambda r, masks, **named: deal(r, masks * np.uint64(0), **named)


def constant(deal):
    """Return a dealer that draws the same for each decision."""

    def changed(r, masks, *, bits, draw):
        fixed = np.random.default_rng(1)
        return deal(r, masks, bits=bits, draw=lambda count: fixed.integers(0, 2**64, count, dtype=np.uint64))

    return changed


BROKEN = {
    "a mask of what is passed on is left out": (share, "deal_planes", unmasked(1)),  # the lowest one's nobody needs
    "a mask of what is generated is left out": (share, "deal_planes", unmasked(4)),
    "masks serve two gates": (share, "deal_planes", repeated),
    "clients' masks are left out": (dealer, "deal_carry", bare),
    "masks serve each decision anew": (dealer, "deal_carry", constant),
}


@pytest.mark.parametrize("broken", few(BROKEN, "masks serve two gates"))
def test_masks_that_are_none_are_caught_in_one_run(manifest, monkeypatch, broken):
    where, name, change = BROKEN[broken]
    monkeypatch.setattr(where, name, change(getattr(where, name)))
    assert smallest(views(manifest, 1, WORLDS[:1])) < ALARM / 1e3
