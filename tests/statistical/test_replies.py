"""What the engine and a client are told: releases, and a client its own; whoever else's secrets may be what they are.

With the clients' coins fixed, two worlds that differ in others' secrets, and agree in the releases and in the client's
own exposures, give every byte alike: so what is told can be computed from those alone.
"""

import dataclasses

import numpy as np
import pytest

from protocols.task.layout import Layout
from protocols.task.outcome_layout import join_bits
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase
from protocols.wire.messages import JoinReply, RoundRelease, RoundResult
from tests.epidemics import Stage

OWN = "client-0"  # slots 0 and 1; both have met slots 2 and 4, of the other two clients
MET = [(0, 0, 2, 0, 7), (0, 0, 4, 0, 7), (0, 1, 2, 0, 7), (0, 1, 4, 0, 7)]
NEVER = 2**60


@pytest.fixture(params=["sum", "outcome"])
def mode(request):
    return request.param


@pytest.fixture(params=[2, 3])
def run(manifest_of, seir, mode, request):
    model = seir(cell_beta=2**36)
    agents = [(1, 2), (3, 4), (5, 6)]
    return manifest_of(agents, k=request.param, model=model, steps=4, cells=(9, 9), mode=mode, engine=True)


@pytest.fixture
def told(run, world, record):
    """Return a function that runs a world in which some are infectious, and returns it with what a party was sent."""

    def run_world(*infectious, contacts=(), timer=9, never=NEVER):
        stage = [Stage.I if slot in infectious else Stage.S for slot in range(6)]
        drawn = world(
            run,
            [*MET, *contacts],
            [0, 1, 1, 0, 1, 0],
            5,
            stage=stage,
            timer=np.where(np.array(stage) == Stage.I, timer, 0),
            tau=[run.model.parameters["contact_rate"] * 7 + 1, NEVER, never, never, never, never],
        )
        return record(drawn, seed=5)

    return run_world


def received(recording, party):
    """Return all that a party was sent, by sender and in order: the order between senders is the event loop's."""
    contents = [each.content for each in recording.passed if each.receiver == party]
    return sorted(contents, key=lambda content: content[0])


def messages_to(recording, party, kind):
    return [each.message for each in recording.passed if each.receiver == party and isinstance(each.message, kind)]


def test_replies_carry_what_their_definitions_say():
    fields = {
        kind: [field.name for field in dataclasses.fields(kind)] for kind in (JoinReply, RoundResult, RoundRelease)
    }
    # what the engine announced to all, to who asks for what it missed, and the last round that its own share counted in
    assert fields[JoinReply] == ["step", "public", "counted"]
    assert fields[RoundResult] == ["step", "own", "release", "synthetic", "members", "phase"]
    assert fields[RoundRelease] == ["step", "release", "members", "traffic", "names", "refused"]


def test_an_epidemic_tells_the_engine_how_many_clients_took_part_and_not_which(told):
    replies = messages_to(told(2), ENGINE, RoundRelease)
    assert {reply.members for reply in replies} == {3}
    assert {(reply.names, reply.refused) for reply in replies} == {((), ())}


@pytest.mark.parametrize("party", [ENGINE, OWN])
def test_others_secrets_change_nothing_that_is_told(told, party):
    one = told(2)
    other = told(4, contacts=[(0, 3, 5, 0, 9), (0, 4, 5, 0, 3)], timer=12, never=NEVER // 2)
    assert received(one, party) == received(other, party)
    for client in ("client-1", "client-2"):
        spoken = [[vector.tolist() for _, vector in each.vectors[client]] for each in (one, other)]
        assert spoken[0] != spoken[1]


def test_a_release_and_an_own_exposure_do_change_what_is_told(told):
    assert received(told(2), ENGINE) != received(told(2, 4), ENGINE)
    assert received(told(2), OWN) != received(told(2, 4), OWN)


def opened(replies, k):
    """Return what the aggregators' shares come to, round by round: sums, or bits where they decide."""
    by_round = {}
    for reply in replies:
        by_round.setdefault((reply.step, getattr(reply, "phase", Phase.SPEAK)), []).append(reply)
    for (step, phase), shares in sorted(by_round.items()):
        assert len(shares) == k
        own = sum((share.own for share in shares if isinstance(share, RoundResult)), start=np.uint64(0))
        if phase == Phase.DECIDE:
            own = join_bits([share.own for share in shares], 2)
        yield step, phase, own, sum((share.release for share in shares), start=np.uint64(0))


def test_what_is_told_adds_up_to_releases_and_own_exposures_or_bits(run, told):
    recording, layout, k = told(2), Layout.of(run), len(run.aggregators)
    totals = {}
    for vectors in recording.vectors.values():
        for number, vector in vectors:
            if run.schedule.phase(number) == Phase.SPEAK:
                step = run.schedule.step(number)
                totals[step] = totals.get(step, np.zeros(layout.d, dtype=np.uint64)) + vector
    bits = []
    for step, phase, own, release in opened(messages_to(recording, OWN, RoundResult), k):
        if phase != Phase.SPEAK:
            assert release.size == 0
            assert own.size == (layout.size(OWN) if phase == Phase.DECIDE else 0)
            bits += [own.tolist()] if own.size else []
            continue
        assert release.tolist() == layout.release_of(totals[step]).tolist()
        exposure = [] if run.schedule.outcome else layout.exposure_of(totals[step], OWN).tolist()
        assert own.tolist() == exposure
    if run.schedule.outcome:
        assert bits == [[0, 0], [1, 0], [1, 0], [1, 0]]  # slot 0 crosses in step 1, and slot 1 never does
    for step, _, _, release in opened(messages_to(recording, ENGINE, RoundRelease), k):
        assert release.tolist() == layout.release_of(totals[step]).tolist()
