"""Servers of a sum with a dealer that end and are started again, and institutions that end: same bits, or one end."""

import asyncio
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest

from lpm_secure.engine.masked_part import MaskedAnnouncer
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.arithmetic.fixed_point import to_ring
from protocols.errors import LpmError
from protocols.masking.messages import ReleaseAnswer, WordsNotice
from protocols.task.parties import ENGINE
from protocols.wire.messages import MaskedCall
from tests.conformance.masking.test_server_restarts import content_of, ended, note
from tests.conformance.masking.test_vectors import NAMES, WORLDS, manifest, vectors
from tests.masked_restarts import AFTER, BEFORE, SERVERS, Ends, Servers, copy_of

ONE, TWO, DEALER = SERVERS
TIMES = {"join_timeout_s": 20.0, "round_timeout_s": 20.0}
SOON = {"join_timeout_s": 0.5, "round_timeout_s": 0.5}
SUMS = 2
MESSAGES = {ONE: 52, TWO: 52, DEALER: 12}  # to it and from it
EACH = 6  # numbers of a vector


async def answer_all(parties, name, world, last=2 * SUMS):
    """Be an institution to the end, or until it ends itself after `last` rounds."""
    exchange, told = parties.exchange(name), []
    try:
        await exchange.join()
        for number in range(last):
            words = to_ring(vectors(WORLDS[world])[name]) if number % 2 else np.zeros(0, np.uint64)
            answer = await exchange.round(words, step=number)
            told.append([answer.synthetic.tolist(), answer.release.tolist()])
    except LpmError as error:
        told.append(type(error).__name__)
    return told


async def announce_all(servers):
    """Be the centre."""
    run, told = servers.run, []
    announcer = MaskedAnnouncer(run.plan, servers.parties.transports(ENGINE), run.signers[ENGINE], run.dealer.keys)
    try:
        for number in range(2 * SUMS):
            announced = np.zeros(0) if number % 2 else np.arange(EACH, dtype=np.float64) + number
            reading = await announcer.advance(number, announced.view(np.int64))
            told.append([reading.release.tolist(), reading.accepted])
    except LpmError as error:
        told.append(type(error).__name__)
    return told


def play(folder, act, *, world=0, last=None, **changes):
    """Play a run of sums, and return what the centre and each institution were told, the servers, and what was said."""
    said, folder_of = defaultdict(set), folder
    folder_of.mkdir(exist_ok=True)

    async def everybody():
        servers = Servers(MaskedRun.draw(manifest(rounds=SUMS, **(TIMES | changes))), folder_of)

        async def watched(caller, callee, request, go_on):
            reply = None
            try:
                reply = await act(servers, caller, callee, request, go_on)
                return reply
            finally:
                for sender, receiver, each in ((caller, callee, request), (callee, caller, reply)):
                    note(said, sender, receiver, getattr(each, "envelope", None))

        servers.act = watched
        parts = [answer_all(servers.parties, name, world, (last or {}).get(name, 2 * SUMS)) for name in NAMES]
        told = await asyncio.wait_for(asyncio.gather(announce_all(servers), *parts), 60.0)
        for _ in range(100):  # what servers tell each other at the end
            await asyncio.sleep(0.02)
            if not isinstance(told[0][-1], str) or all(ended(servers)):
                break
        servers.stop()
        return told, servers

    return *asyncio.run(everybody()), said


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return play(tmp_path_factory.mktemp("honest"), Ends())[0]


PLACES = [(name, place, moment) for name in SERVERS for place in range(MESSAGES[name]) for moment in (BEFORE, AFTER)]
FEW = {(ONE, 30, AFTER), (TWO, 44, BEFORE), (DEALER, 7, AFTER)}


@pytest.mark.parametrize(
    ("name", "place", "moment"),
    [each if each in FEW else pytest.param(*each, marks=pytest.mark.slow) for each in PLACES],
)
def test_a_server_that_ends_at_any_message_of_a_sum_goes_on_to_the_same_bits(name, place, moment, honest, tmp_path):
    told, servers, said = play(tmp_path / "run", Ends((name, place, moment)))
    assert told == honest
    assert not any(ended(servers))
    assert {len(each) for each in said.values()} == {1}, "a server said two things under one name"
    assert servers.ledgers()[0].heads == servers.ledgers()[1].heads


def test_a_sum_has_as_many_messages_as_are_looked_at(honest, tmp_path):
    ends = Ends()
    told, _, said = play(tmp_path / "run", ends)
    assert told == honest
    assert {name: ends.passed[name] for name in SERVERS} == MESSAGES
    assert {len(each) for each in said.values()} == {1}


def test_an_institution_that_has_ended_is_left_out_and_the_others_go_on(honest, tmp_path):
    """Once the sum has begun; started again it finds in its journal that it has joined, and ends in one line."""
    told, servers, _ = play(tmp_path / "run", Ends(), last={"client-2": 2}, min_cohort=2, **SOON)
    assert told[0][:2] == honest[0][:2]
    assert [accepted for _, accepted in told[0]] == [NAMES, NAMES, NAMES[:2], NAMES[:2]]
    assert [len(each) for each in told] == [4, 4, 4, 2]
    assert servers.run.clients["client-2"].has_joined
    assert not any(ended(servers))


def test_where_too_few_institutions_are_left_the_sum_ends_for_all(tmp_path):
    told, servers, _ = play(tmp_path / "run", Ends(), last={"client-2": 2}, min_cohort=3, **SOON)
    assert told[0][-1] == told[1][-1] == told[2][-1] == "RunEnded"
    assert all(ended(servers))


class StaysAway:
    """A server ends at a message of a round, and is not started again."""

    def __init__(self, name, number):
        self.name, self.number, self.is_gone = name, number, False

    async def __call__(self, servers, caller, callee, request, go_on):
        content = content_of(request)
        if not self.is_gone and callee == self.name and content is not None and content.number == self.number:
            self.is_gone = True
            servers.end(self.name)
        return await go_on()


@pytest.mark.parametrize("name", [TWO, pytest.param(DEALER, marks=pytest.mark.slow)])
def test_a_server_that_stays_away_ends_the_sum_for_all_alike(name, tmp_path):

    def ending(world):
        told, servers, _ = play(tmp_path / f"{world}", StaysAway(name, 1), world=world, **SOON)
        gone = SERVERS.index(name)
        assert all(each for place, each in enumerate(ended(servers)) if place != gone)
        return [(len(each), each[-1]) for each in told]

    with ThreadPoolExecutor() as both:  # most of the time is patience
        first, second = both.map(ending, range(2))
    assert first == second


class PutBack:
    """The dealer's store and the honest aggregator's are put back by a round, and the liar plays that once more."""

    def __init__(self):
        self.copies, self.is_done, self.answers = {}, False, set()

    async def __call__(self, servers, caller, callee, request, go_on):
        content, parties = content_of(request), [*servers.run.aggregators, servers.run.dealer]
        if not self.copies and all(party.number == 1 for party in parties[:2]):
            self.copies = {party.signer.name: copy_of(party.journal) for party in parties}
            self.ledgers = {name: servers.ledger_of(name) for name in (ONE, TWO)}
            self.heard = []
        if isinstance(content, WordsNotice) and content.number == 1 and callee == TWO and not self.is_done:
            self.heard.append((caller, request))
        if not self.is_done and isinstance(content, WordsNotice) and content.number == 2 and callee == ONE:
            self.is_done = True
            for name, ledger in self.ledgers.items():
                servers.put_back(name, ledger)
            for name in SERVERS:
                servers.restart(name, lambda _, name=name: self.copies[name])
            self.calls = [asyncio.ensure_future(self._hand(servers, *each)) for each in self.heard[:-1]]
        if self.is_done and caller in NAMES:
            await asyncio.sleep(0.1)
        reply = await go_on()
        if self.is_done and callee == DEALER and reply.envelope is not None:
            self.answers.add((type(content).__name__, content.number))
        return reply

    async def _hand(self, servers, caller, request):
        with suppress(LpmError):
            await servers._servers[TWO].answer(caller, MaskedCall(servers.run.plan.run, request.envelope))


def test_a_sum_is_not_made_again_over_fewer_where_the_stores_of_two_servers_are_put_back(tmp_path):
    """The difference of both would be one institution's vector."""
    act = PutBack()
    told, servers, said = play(tmp_path / "run", act, **SOON)
    assert act.is_done
    assert not act.answers
    assert all(ended(servers))
    assert all(isinstance(each[-1], str) for each in told)
    assert {len(each) for name, each in said.items() if name[0] == DEALER and name[2] == ReleaseAnswer.__name__} == {1}
