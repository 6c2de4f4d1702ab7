"""Servers that end at any message and are started again: the same bits, and nobody sees more than of a slow one."""

import asyncio
import random
from collections import defaultdict
from concurrent.futures import Future
from contextlib import nullcontext

import msgspec
import numpy as np
import pytest

from lpm_secure.engine.masked_part import MaskedAnnouncer
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import LpmError, RecordsDiffer
from protocols.masking.journal import MemoryJournal
from protocols.masking.messages import (
    BitAnswer,
    Closing,
    CountShare,
    KeyContribution,
    Offer,
    OpeningAnswer,
    ProofAnswer,
    ProofQuestion,
    RangeVerdict,
    ReleaseAnswer,
    ReleaseQuestion,
    ReturnNotice,
    WordsNotice,
)
from protocols.task.parties import ENGINE
from protocols.wire.messages import MaskedCall
from tests.masked_lies import KINDS
from tests.masked_restarts import AFTER, BEFORE, SERVERS, Ends, Servers, copy_of
from tests.masked_runs import Secrets

ONE, TWO, DEALER = SERVERS
WORLDS = ({"tau": (0, 0), "said": 3, "stage": 0}, {"tau": (7, 7), "said": 1, "stage": 2}, {"tau": (2, 9), "stage": 1})
TIMES = {"join_timeout_s": 20.0, "round_timeout_s": 20.0}
SOON = {"join_timeout_s": 0.5, "round_timeout_s": 0.5}
MESSAGES = {ONE: 59, TWO: 59, DEALER: 18}  # to it and from it, in a run of two steps
SPEAK, DECIDE = 1, 2
READ = KINDS | BitAnswer | OpeningAnswer | ProofAnswer | ReleaseAnswer


async def take_part(parties, name, secrets):
    exchange, plan, told = parties.exchange(name), parties.run.plan, []
    schedule = plan.manifest.schedule
    try:
        await exchange.join()
        for number in range(schedule.rounds):
            words = secrets.words(parties.run, number)[name]
            answer = await exchange.round(words, step=schedule.step(number), phase=schedule.phase(number))
            told.append([each.tolist() for each in (answer.own, answer.release)])
    except LpmError as error:
        told.append(type(error).__name__)
    return told


def play(manifest, folder, act, *, world=0):
    """Play a run, and return what each client was told, and the servers; each says one thing under one name."""
    said = defaultdict(set)

    async def everybody():
        servers = Servers(MaskedRun.draw(manifest), folder)

        async def watched(caller, callee, request, go_on):
            reply = None
            try:
                reply = await act(servers, caller, callee, request, go_on)
                return reply
            finally:
                for sender, receiver, each in ((caller, callee, request), (callee, caller, reply)):
                    note(said, sender, receiver, getattr(each, "envelope", None))

        servers.act = watched
        secrets, names = Secrets(**WORLDS[world]), servers.run.plan.names
        clients = (take_part(servers.parties, name, secrets) for name in names)
        told = await asyncio.wait_for(asyncio.gather(*clients), 60.0)
        for _ in range(100):  # what servers tell each other at the end
            await asyncio.sleep(0.02)
            if not any(isinstance(each[-1], str) for each in told) or all(ended(servers)):
                break
        servers.stop()
        return told, servers

    folder.mkdir(exist_ok=True)
    return *asyncio.run(everybody()), said


def ended(servers):
    """Return of each server whether the run is over for it."""
    return [bool(party.ending) for party in (*servers.run.aggregators, servers.run.dealer)]


def note(said, sender, receiver, envelope):
    if envelope is None or envelope.sender != sender or sender not in SERVERS:
        return
    content = msgspec.msgpack.decode(envelope.content, type=READ)
    if isinstance(content, ReturnNotice):
        return
    place = getattr(content, "part", 0)
    said[sender, receiver, type(content).__name__, content.number, place].add(envelope.content)


def content_of(request):
    return msgspec.msgpack.decode(request.envelope.content, type=READ) if isinstance(request, MaskedCall) else None


@pytest.fixture(scope="module")
def honest():
    """Return what is told where no server ends, by manifest and world."""
    return {}


@pytest.fixture
def same(small, tmp_path, honest):
    """Return a function that plays a run in which servers end, which nothing but its messages may tell."""

    def check(*places, world=0, **changes):
        name = (world, *sorted(changes))
        manifest = small(**{"steps": 2} | TIMES | changes)
        if name not in honest:
            honest[name] = play(manifest, tmp_path / "honest", Ends(), world=world)[0]
        told, servers, said = play(manifest, tmp_path / "run", Ends(*places), world=world)
        assert told == honest[name]
        assert not any(ended(servers))
        assert {len(each) for each in said.values()} == {1}, "a server said two things under one name"
        assert all(ledger.heads for ledger in servers.ledgers())
        assert servers.ledgers()[0].heads == servers.ledgers()[1].heads
        return said

    return check


PLACES = [(name, place, moment) for name in SERVERS for place in range(MESSAGES[name]) for moment in (BEFORE, AFTER)]
FEW = {
    *((ONE, 12, AFTER), (ONE, 31, BEFORE), (TWO, 22, AFTER), (TWO, 40, BEFORE)),
    *((DEALER, 5, AFTER), (DEALER, 8, BEFORE)),
}


@pytest.mark.parametrize("compared", ["keys"], indirect=True)
@pytest.mark.parametrize(
    ("name", "place", "moment"),
    [each if each in FEW else pytest.param(*each, marks=pytest.mark.slow) for each in PLACES],
)
def test_a_server_that_ends_at_any_message_goes_on_to_the_same_bits(name, place, moment, same):
    same((name, place, moment))


@pytest.mark.parametrize("compared", ["keys"], indirect=True)
def test_a_run_has_as_many_messages_as_are_looked_at(small, tmp_path):
    ends = Ends()
    play(small(steps=2, **TIMES), tmp_path / "run", ends)
    assert {name: ends.passed[name] for name in SERVERS} == MESSAGES


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 60))])
def test_servers_that_end_again_and_again_go_on_to_the_same_bits(seed, same):
    """Also two at one message, and while small counts are opened."""
    draw = random.Random(seed)
    places = [
        (draw.choice(SERVERS), draw.randrange(18), draw.choice([BEFORE, AFTER])) for _ in range(draw.choice([2, 4, 8]))
    ]
    same(*places, world=draw.randrange(3), **({"min_count": 2} if draw.random() < 0.5 else {}))


class Turncoat:
    """The second aggregator says one thing, the honest one ends, and is told another when it is back."""

    def __init__(self, kind, number, change, name=ONE):
        self.kind, self.number, self.change, self.name, self.is_back, self.lies = kind, number, change, name, False, 0

    async def __call__(self, servers, caller, callee, request, go_on):
        content = content_of(request)
        if caller != TWO or callee != self.name or not isinstance(content, self.kind) or content.number != self.number:
            return await go_on()
        if self.is_back:
            self.lies += 1
            changed = servers.run.signers[TWO].send(self.change(content))
            return await servers.call(callee, TWO, changed)
        await asyncio.wait([asyncio.ensure_future(go_on())], timeout=0.05)
        self.is_back = True
        servers.restart(self.name)
        await asyncio.sleep(0.01)
        return await self(servers, caller, callee, request, go_on)


def replace(**changes):
    return lambda content: msgspec.structs.replace(content, **changes)


def without_first(content):
    return msgspec.structs.replace(content, clients=content.clients[1:])


def other_words(content):
    shares = bytearray(content.shares)
    shares[0] ^= 1
    return msgspec.structs.replace(content, shares=bytes(shares))


LIES = {
    "another part of the common key": Turncoat(KeyContribution, 0, replace(part=bytes(32))),
    "that others were heard": Turncoat(Closing, SPEAK, replace(digest=bytes(32))),
    "another verdict in a step": Turncoat(RangeVerdict, SPEAK, replace(accepted=("client-1",))),
    "another end of a decision": Turncoat(Closing, DECIDE + 1, replace(digest=bytes(32))),  # its verdict goes in here
    "another word of a count": Turncoat(CountShare, SPEAK, other_words),
    "another question about proofs": Turncoat(ProofQuestion, SPEAK, without_first, DEALER),
    "another question about proofs in a decision": Turncoat(ProofQuestion, DECIDE, without_first, DEALER),
    "another question about a release": Turncoat(ReleaseQuestion, SPEAK, replace(accepted=("client-1",)), DEALER),
}


def ending(small, folder, act, world, **changes):
    """Return how a run ends for an onlooker: what each client was told last, and in which round."""
    told, servers, _ = play(small(**{"steps": 2, "min_count": 2} | TIMES | changes), folder, act, world=world)
    assert all(party.ending for party in (servers.run.aggregators[0], servers.run.dealer)), "somebody goes on"
    assert all(isinstance(each[-1], str) for each in told)
    return [len(each) for each in told], servers.run.aggregators[0].number


@pytest.mark.parametrize(
    "lie",
    [
        each if each == "another question about a release" else pytest.param(each, marks=pytest.mark.slow)
        for each in LIES
    ],
)
def test_a_lie_to_a_server_that_is_back_ends_the_run_alike_in_all_worlds(lie, small, tmp_path):
    endings = []
    for world in range(3):
        given = LIES[lie]
        liar = Turncoat(given.kind, given.number, given.change, given.name)
        endings.append(ending(small, tmp_path / f"{world}", liar, world))
        assert liar.lies
    assert endings[0] == endings[1] == endings[2]


class Claims:
    """The second aggregator says with each message that it has come back, when it has not."""

    def __init__(self, **changes):
        self.changes = changes

    async def __call__(self, servers, caller, callee, request, go_on):
        if (caller, callee) == (TWO, ONE) and content_of(request) is not None:
            party = servers.run.aggregators[1]
            notice = msgspec.msgpack.decode(party.come_back(servers.head(TWO)).content, type=ReturnNotice)
            await servers.call(ONE, TWO, party.signer.send(msgspec.structs.replace(notice, **self.changes)))
        return await go_on()


@pytest.mark.parametrize("world", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_an_aggregator_that_says_it_has_come_back_is_sent_what_it_was_sent_and_nothing_else(world, small, tmp_path):
    told, servers, said = play(small(steps=2, **TIMES), tmp_path / "run", Claims(), world=world)
    assert [len(each) for each in told] == [6, 6]
    assert {len(each) for each in said.values()} == {1}
    assert not servers.run.aggregators[0].ending


@pytest.mark.parametrize("changes", [{"number": 9}, {"head": bytes([1] * 32)}])
def test_an_aggregator_that_comes_back_from_elsewhere_ends_the_run_alike_in_all_worlds(changes, small, tmp_path):
    assert len({str(ending(small, tmp_path / f"{world}", Claims(**changes), world)) for world in range(2)}) == 1


class Restores:
    """A server is started again with its store of an earlier round, when the run has come to another."""

    def __init__(self, name, saved, number, *, behind=None):
        self.name, self.saved, self.number, self.behind, self.copy, self.is_done = (
            name,
            saved,
            number,
            behind,
            None,
            False,
        )

    async def __call__(self, servers, caller, callee, request, go_on):
        content, run = content_of(request), servers.run
        number = run.aggregators[0].number
        if self.copy is None and number == self.saved:
            self.copy = copy_of(run.aggregators[0].journal), servers.ledger_of(self.name)
        if not self.is_done and number == self.number and isinstance(content, WordsNotice) and callee == self.name:
            self.is_done = True
            journal, ledger = self.copy
            if self.behind is None:
                servers.put_back(self.name, ledger)
            servers.restart(self.name, lambda _: journal)
        return await go_on()


@pytest.mark.parametrize("saved", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("behind", [None, "its ledger"])
def test_an_aggregator_whose_store_is_put_back_ends_the_run_for_all_alike_in_all_worlds(saved, behind, small, tmp_path):
    """With its ledger, which the other one's differs from, or behind it."""
    endings = []
    for world in range(2):
        told, servers, said = play(
            small(steps=3, **SOON), tmp_path / f"{world}", Restores(ONE, saved, 4, behind=behind), world=world
        )
        assert all(isinstance(each[-1], str) for each in told)
        assert all(party.ending for party in (servers.run.aggregators[1], servers.run.dealer))
        assert {len(each) for each in said.values()} == {1}
        if behind:
            assert "one of them was put back" in servers._servers[ONE].process._refusal
        endings.append([len(each) for each in told])
    assert endings[0] == endings[1]


class PutBack:
    """The honest aggregator is put back to before it had heard anybody, and the liar hands on fewer than before."""

    def __init__(self, number):
        self.number, self.copy, self.is_done = number, None, False

    async def __call__(self, servers, caller, callee, request, go_on):
        content, run = content_of(request), servers.run
        if content is None or content.number != self.number:
            return await go_on()
        if self.copy is None:
            self.copy = copy_of(run.aggregators[0].journal)
        kind = ReleaseQuestion if run.plan.opens(self.number) else ProofQuestion
        if callee == DEALER and caller == TWO and isinstance(content, kind) and not self.is_done:
            reply = await go_on()
            self.is_done = True
            servers.restart(ONE, lambda _: self.copy)
            return reply
        if self.is_done and callee == ONE and (caller == "client-0" or isinstance(content, Offer)):
            await asyncio.sleep(60.0)
        return await go_on()


@pytest.mark.slow
@pytest.mark.parametrize("number", [SPEAK, DECIDE])
def test_no_question_is_asked_twice_of_which_one_was_over_fewer_where_a_store_is_put_back(number, small, tmp_path):
    """The difference of two sums, or two bits of one agent: the dealer answers one question of a round."""
    for world in range(2):
        told, _, said = play(small(steps=3, **SOON), tmp_path / f"{world}", PutBack(number), world=world)
        assert all(isinstance(each[-1], str) for each in told)
        answered = [each for name, each in said.items() if name[0] == DEALER and name[3] == number]
        assert {len(each) for each in answered} == {1}


def test_records_of_different_moments_are_refused(small, tmp_path):
    _, servers, _ = play(small(steps=2, **TIMES), tmp_path / "run", Ends())
    party = servers.run.aggregators[0]
    lacking = MemoryJournal({name: each for name, each in party.journal._entries.items() if name != "round 3"})
    lacking.save_checkpoint(party.journal.checkpoint)
    for journal in (lacking, MemoryJournal(party.journal._entries)):
        with pytest.raises(RecordsDiffer):
            type(party)(party.plan, party.signer, party.keys, journal, 0)


def test_what_a_restart_goes_on_with_takes_its_place_after_the_line_in_the_ledger(small):
    party, line = MaskedRun.draw(small()).start().aggregators[0], Future()
    line.set_exception(OSError("the disk is full"))
    with pytest.raises(OSError, match="full"):
        party.save({}, (), line)
    assert not party.journal.checkpoint


async def announce_again(servers, other):
    """Play a step, and announce it once more, as an engine does that is started again; in the same bytes or others."""
    run = servers.run
    first, again = (announcer_of(run, servers.parties.transports(ENGINE)) for _ in range(2))
    clients = [asyncio.ensure_future(take_part(servers.parties, name, Secrets())) for name in run.plan.names]
    told = await first.advance(0, np.array([3], np.int64))
    try:
        after = await again.advance(0, np.array([3 + other], np.int64))
        assert (after.release.tolist(), after.announcement.tolist()) == (told.release.tolist(), [3])
    finally:
        await asyncio.sleep(0.05)
        servers.stop()
        for each in clients:
            each.cancel()
        await asyncio.gather(*clients, return_exceptions=True)


def announcer_of(run, transports):
    return MaskedAnnouncer(run.plan, transports, run.signers[ENGINE], run.dealer.keys)


def test_an_engine_that_announces_something_else_of_a_step_that_is_over_ends_the_run_for_all(small, tmp_path):
    for other in (0, 1):
        folder = tmp_path / f"{other}"
        folder.mkdir()

        async def play(other=other, folder=folder):
            servers = Servers(MaskedRun.draw(small(cells=(9,), engine=True, steps=2, **TIMES)), folder)
            with pytest.raises(RecordsDiffer, match="with other numbers before") if other else nullcontext():
                await announce_again(servers, other)
            return ended(servers)

        assert asyncio.run(play()) == [bool(other)] * 3
