"""What each server of the secret permutation sees: masks it lacks the keys of, and places it cannot trace.

Every test has broken variants that must be caught. The attackers here are the servers themselves: from all that one
holds and received, each names for every in-slot the out-slot that it thinks fills it.
"""

import itertools

import numpy as np
import pytest

from aggregator.permutation import channel as channels
from aggregator.permutation import setup
from aggregator.permutation.channel import STAMP_BYTES, Channel
from aggregator.permutation.roles import Role
from aggregator.permutation.setup import Stages
from aggregator.permutation.stages import Shape, gather, mask
from client_sdk.private.slots import Slots
from lpm_secure.testbed.keyring import Keyring
from lpm_secure.testbed.testbed import Testbed
from protocols.task.devices import Devices
from protocols.task.manifest import run_id
from tests.permutation_trio import Trio, shared, tokens_of

SHAPE = Shape(200, 10, 1)
SIGMAS = 7.0  # 3e-12, for the coins are the system's; with 128 positions and 12 streams, 4e-9 a run
CHANCE = 40 / SHAPE.slots  # one hit is expected of a guess among 2,000; 40 never happen


def run(seed=1, *, x=None, steps=(0,), target=None):
    """Run steps; return the trio (closed), the true map and the shares of the out-slots."""
    draw = np.random.default_rng(seed)
    target = draw.permutation(SHAPE.slots) if target is None else target
    x = shared(draw.integers(0, 9, SHAPE.slots, dtype=np.uint64) if x is None else x, draw)
    with Trio(SHAPE, [tokens_of(target, draw)], steps=9) as trio:
        for step in steps:
            trio.step(*x, step)
    return trio, target, x


def payloads(trio, role, other, *lengths):
    """Return the vectors, uint64[length] each, at the end of what one server got from another."""
    rest, found = trio.received(role, other), []
    for words in reversed(lengths):
        found.append(np.frombuffer(rest[len(rest) - 8 * words :], dtype=np.uint64))
        rest = rest[: len(rest) - 8 * words - STAMP_BYTES]
    return found[::-1]


def guess(stages):
    """Return the out-slot that each in-slot is filled from, as well as a server can tell: what it lacks, it ignores."""
    nothing = np.arange(SHAPE.slots)
    r1, r2, source = (nothing if part is None else part for part in (stages.r1, stages.r2, stages.source))
    return r1[r2[source]]


def hits(guessed, target):
    """Return how many in-slots are traced to their out-slots."""
    return float((target[guessed] == np.arange(SHAPE.slots)).mean())


def looks_uniform(words):
    """Tell whether every bit, and every pair of neighbouring words, is as coin flips would have it."""
    bits = np.unpackbits(words.view(np.uint8)).reshape(words.size, 64)
    within = SIGMAS * np.sqrt(words.size) / 2
    fair = np.abs(bits.sum(axis=0) - words.size / 2).max() < within
    apart = np.unpackbits((words[1:] ^ words[:-1]).view(np.uint8)).reshape(words.size - 1, 64)
    return bool(fair and np.abs(apart.sum(axis=0) - (words.size - 1) / 2).max() < within)


def received_in_a_step(trio, steps=1):
    """Return what each server got in its last steps: its only message of each."""
    slots, sums = SHAPE.slots, SHAPE.n
    return {
        Role.A: payloads(trio, Role.A, Role.B, *[slots] * steps),
        Role.B: payloads(trio, Role.B, Role.C, *[sums] * steps),
        Role.C: payloads_of_c(trio, steps),
    }


def payloads_of_c(trio, steps):
    """Return what C got from A, whose messages have an order before them."""
    rest, found, words = trio.received(Role.C, Role.A), [], SHAPE.slots
    for _ in range(steps):
        found.append(np.frombuffer(rest[len(rest) - 8 * words :], dtype=np.uint64))
        rest = rest[: len(rest) - 8 * words - STAMP_BYTES - channels._ORDER.size]
    return found[::-1]


@pytest.mark.parametrize("role", list(Role))
def test_no_server_can_trace_an_edge(role):
    trio, target, _ = run()
    stages = trio.servers[role]._days[0]
    held = {name for name in ("r1", "r2", "source") if getattr(stages, name) is not None}
    assert held == {Role.A: {"r1", "source"}, Role.B: {"r1", "r2"}, Role.C: {"r2", "source"}}[role]
    assert hits(guess(stages), target) < CHANCE


def test_a_server_that_had_all_three_stages_would_trace_every_edge():
    """The attack works, so that the test above means something."""
    trio, target, _ = run()
    one, other = trio.servers[Role.A]._days[0], trio.servers[Role.B]._days[0]
    assert hits(guess(Stages(one.r1, other.r2, one.source)), target) == 1.0


@pytest.mark.parametrize(("role", "lost"), [(Role.A, Role.C), (Role.C, Role.A)])
def test_tokens_opened_without_a_shuffle_that_the_opener_lacks_give_all_edges_away(monkeypatch, role, lost):
    """Without the stage that one opener lacks, that opener traces everything; the other one still nothing."""
    drawn = setup.permutation
    pair = {Role.A, Role.B} if role == Role.C else {Role.B, Role.C}

    def broken(key, purpose, slots):
        found = drawn(key, purpose, slots)
        return np.arange(slots, dtype=np.uint32) if key in weak else found

    weak = set()
    original = Channel._agree

    def agree(self):
        keys = original(self)
        weak.update(key for other, key in keys.items() if {self.role, other} == pair)
        return keys

    monkeypatch.setattr(Channel, "_agree", agree)
    monkeypatch.setattr(setup, "permutation", broken)
    trio, target, _ = run()
    assert hits(guess(trio.servers[role]._days[0]), target) == 1.0
    assert hits(guess(trio.servers[lost]._days[0]), target) < CHANCE


@pytest.mark.parametrize("x", [np.zeros, np.ones], ids=["nobody is ill", "everybody is ill"])
def test_what_a_server_receives_looks_uniform_whatever_is_said(x):
    trio, _, _ = run(x=x(SHAPE.slots, dtype=np.uint64))
    for role, (words,) in received_in_a_step(trio).items():
        assert looks_uniform(words), role


@pytest.mark.parametrize("reused", [False, True], ids=["as it is", "masks used twice"])
def test_masks_are_fresh_also_when_a_step_is_done_again(monkeypatch, reused):
    """Two messages of the same shares: with fresh masks their difference is noise, with one used twice it is zero."""
    if reused:
        monkeypatch.setattr(Channel, "mask", lambda self, other, what, words: mask(self.key(other), what, words))
    trio, _, _ = run(steps=(3, 3))
    for role, (first, again) in received_in_a_step(trio, steps=2).items():
        assert looks_uniform(first - again) != reused, role


def test_every_day_and_session_has_stages_of_its_own():
    """Were they the same on two days, A and C would see which in-slots of both belong to one sender."""
    draw, drawn = np.random.default_rng(3), []
    for _ in range(2):
        target = draw.permutation(SHAPE.slots)
        x = shared(draw.integers(0, 9, SHAPE.slots, dtype=np.uint64), draw)
        with Trio(SHAPE, [tokens_of(target, draw), tokens_of(target, draw)], steps=9) as trio:
            for step in (0, 1):
                trio.step(*x, step)
        drawn += [trio.servers[Role.B]._days[day] for day in (0, 1)]
    for one, other in itertools.combinations(drawn, 2):
        assert (one.r1 == other.r1).mean() < CHANCE
        assert (one.r2 == other.r2).mean() < CHANCE


def unmasked(trio, shares):
    """Return what each server would have received without the mask it lacks, as an auditor with all keys has it."""
    a, b, c = (trio.servers[role]._days[0] for role in Role)
    channel = trio.servers[Role.B]._channel  # still at the last step's name
    first, second = (channel.mask(role, what, SHAPE.slots) for role, what in ((Role.A, b"r1 x"), (Role.C, b"r2 r1 x")))
    at_c = (shares[0][a.r1] - first)[b.r2] + second
    return {
        Role.A: (shares[1][a.r1] + first)[b.r2],
        Role.B: gather(at_c, c.source, SHAPE),
        Role.C: shares[0][a.r1],
    }


@pytest.mark.parametrize(
    ("role", "what"), [(Role.A, b"r2 r1 x"), (Role.B, b"exposures"), (Role.C, b"r1 x"), (None, b"")]
)
def test_every_message_is_masked_by_a_key_its_receiver_lacks(monkeypatch, role, what):
    """Each mask is left out in turn, and its receiver then has what the auditor computes; none is, and nobody has."""
    masked = Channel.mask

    def broken(self, other, name, words):
        return np.zeros(words, dtype=np.uint64) if name == what else masked(self, other, name, words)

    monkeypatch.setattr(Channel, "mask", broken)
    trio, _, shares = run()
    expected, received = unmasked(trio, shares), received_in_a_step(trio)
    for receiver in Role:
        left = received[receiver][0] - expected[receiver]
        assert (not left.any()) == (receiver == role)
        assert receiver == role or looks_uniform(left)


def everyone(manifest_of, rows, n=6, degree=4):
    """Return a testbed of devices with contacts (a, b), of weight 1 on one day."""
    from client_sdk import ContactTable

    manifest = manifest_of(
        [(agent,) for agent in range(n)], mode="outcome", edges="permuted", devices=Devices(degree=degree)
    )
    a, b = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    zeros = np.zeros_like(a)
    return Testbed(manifest, ContactTable(zeros, a, b, zeros, zeros + 1), np.zeros(0, np.int64), 0, "", True, Keyring())


def lists(testbed, here=None):
    """Return the tokens of all devices' out-slots and in-slots, each [n][degree] of bytes."""
    n = len(testbed.manifest.clients)
    here = np.ones(n, dtype=bool) if here is None else here
    found = []
    for client in testbed.manifest.clients:
        private = testbed.private_state(client.name)
        found.append(
            Slots.of(run_id(testbed.manifest), testbed.manifest.devices.degree, private, here).tokens.reshape(2, -1, 2)
        )
    return [[[pair.tobytes() for pair in each[side]] for each in found] for side in (0, 1)]


def matched(tokens):
    """Return how many in-slots of each device the servers that open tokens find filled."""
    out = set(itertools.chain(*tokens[0]))
    return [sum(token in out for token in own) for own in tokens[1]]


STAR = [(0, other) for other in range(1, 4)]


def test_servers_that_open_tokens_find_every_slot_filled_whatever_the_degree(manifest_of):
    for rows in (STAR, [], [(0, 1), (2, 3), (4, 5), (0, 5)]):
        assert matched(lists(everyone(manifest_of, rows))) == [4] * 6


def test_slots_that_are_not_padded_with_own_tokens_would_show_degrees(manifest_of, monkeypatch):
    """The broken variant: a dummy that has no other side."""
    import os

    from client_sdk.private import slots as device_slots

    token = device_slots.edge_token

    def lonely(key, *, day, sender, receiver):
        return os.urandom(16) if sender == receiver else token(key, day=day, sender=sender, receiver=receiver)

    monkeypatch.setattr(device_slots, "edge_token", lonely)
    assert matched(lists(everyone(manifest_of, STAR))) == [3, 1, 1, 1, 0, 0]


def test_a_contact_that_does_not_take_part_is_told_by_no_slot(manifest_of):
    """Were its tokens made for it all the same, those who met it would have an empty slot."""
    here = np.arange(6) != 0
    tokens = lists(everyone(manifest_of, STAR), here)
    assert matched([tokens[0][1:], tokens[1][1:]]) == [4] * 5
    prepared = lists(everyone(manifest_of, STAR))
    assert matched([prepared[0][1:], prepared[1][1:]]) == [3, 3, 3, 4, 4]


def test_what_a_device_shares_has_one_length_and_its_tokens_are_all_different(manifest_of):
    tokens = lists(everyone(manifest_of, STAR))
    assert {len(own) for side in tokens for own in side} == {4}
    for side in tokens:
        assert len(set(itertools.chain(*side))) == 24
    again = lists(everyone(manifest_of, STAR))
    assert not set(itertools.chain(*tokens[0])) & set(itertools.chain(*again[0]))
