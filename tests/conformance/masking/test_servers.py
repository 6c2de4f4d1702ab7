"""Servers of a masked run behind the in-process transport: whom they wait for, what each is sent, how all end."""

import asyncio
from concurrent.futures import Future

import msgspec
import pytest

from lpm_secure.testbed.masked_parties import start_parties
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import LpmError, NotEnrolled, RoundClosed, RunEnded, WireError
from protocols.masking.journal import MemoryJournal
from protocols.masking.messages import (
    ClientReply,
    Offer,
    ProofAnswer,
    ProofQuestion,
    ReleaseAnswer,
    ReleaseQuestion,
    SeedNotice,
    StepNotice,
    WordsNotice,
)
from protocols.wire.messages import Join, MaskedCall, MaskedReply
from protocols.wire.transport import Transport
from tests.masked_lies import ANSWERS, KINDS
from tests.masked_runs import Secrets, start_again

ONE, TWO, DEALER = "aggregator-0", "aggregator-1", "dealer"
DEADLINE_S = 0.8
TIMES = {"join_timeout_s": DEADLINE_S, "round_timeout_s": DEADLINE_S}
WORLDS = ({"tau": (0, 0), "said": 3, "stage": 0}, {"tau": (7, 7), "said": 1, "stage": 2})


class Way(Transport):
    """A transport that a test looks into, or changes: `act` is told who calls whom with what, and how to go on."""

    def __init__(self, caller, callee, inner, act):
        self.caller, self.callee, self._inner, self._act = caller, callee, inner, act

    async def call(self, request, *, timeout_s):
        async def go_on():
            return await self._inner.call(request, timeout_s=timeout_s)

        return await self._act(self.caller, self.callee, request, go_on)


def through(act):
    return lambda caller, callee, inner: Way(caller, callee, inner, act)


async def pass_by(caller, callee, request, go_on):
    return await go_on()


def content_of(request):
    """Return the message in a call, as its receiver reads it."""
    kinds = KINDS | ReleaseAnswer
    return msgspec.msgpack.decode(request.envelope.content, type=kinds) if isinstance(request, MaskedCall) else None


async def take_part(parties, name, secrets, rounds, before=lambda number: None):
    """Be a client through the first rounds, and return what each told it, or why it stopped."""
    exchange, plan, found = parties.exchange(name), parties.run.plan, []
    try:
        await exchange.join()
        for number in range(rounds):
            before(number)
            words = secrets.words(parties.run, number)[name]
            step, phase = plan.manifest.schedule.step(number), plan.manifest.schedule.phase(number)
            found.append(await exchange.round(words, step=step, phase=phase))
    except LpmError as error:
        found.append(error)
    return found


def play(manifest, act=pass_by, *, world=0, rounds=4, names=None, also=None):
    """Play a run's first rounds, and return what comes of each client, and the parties."""
    run = MaskedRun.draw(manifest)
    secrets = Secrets(**WORLDS[world])

    async def everybody():
        with start_parties(run, around=through(act)) as parties:
            tasks = [take_part(parties, name, secrets, rounds) for name in names or run.plan.names]
            extra = [also(parties)] if also else []
            found = await asyncio.wait_for(asyncio.gather(*tasks, *extra), 60.0)
            await asyncio.sleep(0.05)  # what servers tell each other at the end
            return dict(zip(names or run.plan.names, found, strict=False))

    return asyncio.run(everybody()), run


def all_ended(run):
    return [bool(party.ending) for party in (*run.aggregators, run.dealer)]


def test_a_client_that_keeps_silent_is_left_out_at_the_deadline_and_the_others_go_on(small):
    found, run = play(small(**TIMES), names=["client-1"])
    assert len(found["client-1"]) == 4
    assert found["client-1"][1].release.tolist() == [2, 0, 0, 0]
    assert run.aggregators[0].members == ("client-1",)
    assert not any(all_ended(run))


def test_a_client_that_comes_too_late_is_told_so_by_both_and_goes_alone(small):
    last = asyncio.Event()

    async def act(caller, callee, request, go_on):
        words = isinstance(message := content_of(request), WordsNotice)
        if words and (caller, message.number) == ("client-0", 1):
            await last.wait()
        reply = await go_on()
        if words and (caller, message.number) == ("client-1", 3):
            last.set()
        return reply

    found, run = play(small(**TIMES), act)
    assert "takes part no longer" in str(found["client-0"][-1])
    assert (len(found["client-1"]), any(all_ended(run))) == (4, False)


def test_a_client_that_reaches_one_aggregator_in_time_counts_and_is_answered_by_both(small):
    async def act(caller, callee, request, go_on):
        message = content_of(request)
        if (caller, callee) == ("client-0", TWO) and isinstance(message, WordsNotice) and message.number == 1:
            await asyncio.sleep(0.2)
        return await go_on()

    found, _ = play(small(**TIMES), act)
    assert found["client-0"][1].release.tolist() == [4, 0, 0, 0]
    assert [len(each) for each in found.values()] == [4, 4]


def test_an_offer_goes_out_when_the_disk_has_what_was_heard(small, monkeypatch):
    written, offers, sync = Future(), [], MemoryJournal.sync
    written.set_exception(OSError("the disk is full"))
    monkeypatch.setattr(MemoryJournal, "sync", lambda own: written if own.entry("offered 0") else sync(own))

    async def act(caller, callee, request, go_on):
        offers.extend([caller] if isinstance(content_of(request), Offer) else [])
        return await go_on()

    _, run = play(small(**TIMES), act)
    assert all_ended(run) == [True, True, True]
    assert not offers


def test_a_message_that_comes_after_its_aggregator_has_offered_changes_nothing(small):
    """The offer is on the way; if it heard more, the two would have heard different messages, and the run would end."""
    refused = []

    async def act(caller, callee, request, go_on):
        message = content_of(request)
        if caller == TWO and isinstance(message, Offer) and message.number == 1:
            await asyncio.sleep(DEADLINE_S)
        return await go_on()

    async def come_late(parties):
        await take_part(parties, "client-0", Secrets(**WORLDS[0]), 1)
        await asyncio.sleep(1.5 * DEADLINE_S)
        words = Secrets(**WORLDS[0]).words(parties.run, 1)["client-0"]
        envelope = parties.run.clients["client-0"].message(1, words)
        try:
            await parties.rounds[0].answer("client-0", MaskedCall(parties.run.plan.run, envelope))
        except LpmError as error:
            refused.append(type(error))

    found, run = play(small(**TIMES), act, names=["client-1"], also=come_late)
    assert refused == [RoundClosed]
    assert len(found["client-1"]) == 4
    assert run.aggregators[0].members == ("client-1",)
    assert not any(all_ended(run))


def test_words_of_a_copy_that_come_late_are_not_answered_as_those_that_counted(small):
    """Else the copy would go on from bits and releases of words that it did not send."""
    refused = []

    async def come_late(parties):
        run, names = parties.run, (ONE, TWO)
        copy = start_again(run, "client-0", journal=MemoryJournal())
        while any(1 not in each._replies for each in parties.rounds):
            await asyncio.sleep(0.01)
        call = MaskedCall(run.plan.run, copy.message(1, Secrets(**WORLDS[0]).words(run, 1)["client-0"]))
        assert all(each._replies[1]["client-0"] for each in parties.rounds)
        for name, each in zip(names, parties.rounds, strict=True):
            with pytest.raises(RoundClosed):
                await each.answer("client-0", call)
            refused.append(name)

    found, run = play(small(**TIMES), also=come_late)
    assert refused == [ONE, TWO]
    assert [len(each) for each in found.values()] == [4, 4]
    assert not any(all_ended(run))


def test_an_aggregator_that_hurries_drops_nobody_whom_the_other_one_hears(small):
    """It says at once that it has heard nobody, to make the other one close before a slow client has come."""
    hurried = []

    async def act(caller, callee, request, go_on):
        message = content_of(request)
        if caller == "client-0" and isinstance(message, WordsNotice) and message.number == 1:
            await asyncio.sleep(DEADLINE_S / 2)
        return await go_on()

    async def hurry(parties):
        run, server = parties.run, parties.rounds[0]
        while run.aggregators[0].number < 1:
            await asyncio.sleep(0.01)
        empty = run.signers[TWO].send(Offer(run=run.plan.run, number=1, hashes={}))
        await server.answer(TWO, MaskedCall(run.plan.run, empty))
        hurried.append(run.aggregators[0].number)

    found, run = play(small(**TIMES), act, also=hurry)
    assert hurried == [1]
    assert found["client-0"][1].release.tolist() == [4, 0, 0, 0]
    assert run.aggregators[0].members == ("client-0", "client-1")


def test_a_question_that_was_answered_and_is_asked_again_answers_nobody_who_waits_with_another_one(small):
    """One aggregator asks the question before once more, while the other one waits for the answer to the next."""
    before, waiting, told = [], asyncio.Event(), []

    async def act(caller, callee, request, go_on):
        message = content_of(request)
        if callee != DEALER or message is None or message.number != 1:
            return await go_on()
        if isinstance(message, ReleaseQuestion) and caller == ONE:
            answered = asyncio.ensure_future(go_on())
            await asyncio.sleep(0.1)
            waiting.set()
            reply = await answered
            told.append(msgspec.msgpack.decode(reply.envelope.content, type=ProofAnswer | ReleaseAnswer))
            return reply
        if isinstance(message, ProofQuestion) and caller == TWO:
            before.append(go_on)
        if isinstance(message, ReleaseQuestion):
            await waiting.wait()
            await before[0]()
        return await go_on()

    found, run = play(small(**TIMES), act)
    assert [type(each) for each in told] == [ReleaseAnswer]
    assert [len(each) for each in found.values()] == [4, 4]
    assert not any(all_ended(run))


def turn_away(kind):
    async def act(caller, callee, request, go_on):
        message = content_of(request)
        if (caller, callee) != ("client-0", TWO) or not isinstance(message, WordsNotice) or message.number != 1:
            return await go_on()
        if kind == "is turned away":
            raise RoundClosed("a lie")
        if kind == "is told that the run is over":
            raise RunEnded("a lie")
        reply = await go_on()
        if kind == "waits for its answer":
            await asyncio.sleep(6 * DEADLINE_S)
        return MaskedReply(None) if kind == "is told nothing" else reply

    return act


WAYS = ["is turned away", "is told that the run is over", "is told nothing", "waits for its answer"]


@pytest.mark.parametrize("kind", WAYS)
@pytest.mark.parametrize("world", [0, 1])
def test_a_client_that_one_aggregator_alone_turns_away_stops_the_run_for_all(small, kind, world):
    """If it went alone, that aggregator would drop whom it likes, and see what differs in exact releases."""
    found, run = play(small(**TIMES), turn_away(kind), world=world)
    assert all(isinstance(each[-1], LpmError) for each in found.values())
    assert "client-0 has stopped" in run.aggregators[0].ending
    assert all(all_ended(run))
    assert run.aggregators[0].members == ("client-0", "client-1")


@pytest.mark.parametrize("server", [TWO, DEALER])
@pytest.mark.parametrize("world", [0, 1])
def test_a_server_that_keeps_silent_ends_the_run_for_all_that_are_left(small, server, world):
    async def act(caller, callee, request, go_on):
        message = content_of(request)
        if message is not None and message.number >= 1 and callee == server and caller == ONE:
            await asyncio.sleep(60.0)
        return await go_on()

    async def bounded(caller, callee, request, go_on):
        try:
            return await asyncio.wait_for(act(caller, callee, request, go_on), 1.0 if caller == ONE else 60.0)
        except TimeoutError:
            raise RunEnded("no answer in time") from None

    found, run = play(small(**TIMES), bounded, world=world)
    assert all(isinstance(each[-1], LpmError) for each in found.values())
    assert [bool(party.ending) for party in run.aggregators] == [True, True]


def test_an_engine_that_keeps_silent_ends_the_run_for_all(small):
    manifest = small(cells=(9,), engine=True, join_timeout_s=0.2, round_timeout_s=0.2)
    found, run = play(manifest, rounds=2)
    assert all(isinstance(each[-1], LpmError) for each in found.values())
    assert "has not announced round 1" in run.aggregators[0].ending + run.aggregators[1].ending
    assert all(all_ended(run))


def test_the_run_ends_for_all_where_too_few_clients_come(small):
    found, run = play(small(min_cohort=2, join_timeout_s=0.2, round_timeout_s=0.2), names=["client-1"])
    assert isinstance(found["client-1"][-1], RunEnded)
    assert "the manifest promises 2" in str(found["client-1"][-1])
    assert all(all_ended(run))


async def answers(parties):
    """Return what an aggregator and the dealer say to calls that nobody honest makes."""
    run, found = parties.run, []
    stranger = run.signers["client-0"].send(SeedNotice(run=run.plan.run, number=0, client="x", counter=1, sealed=b""))
    notice = run.signers["client-0"].send(StepNotice(run=run.plan.run, number=0, words=b""))
    offer = run.signers["client-0"].send(Offer(run=run.plan.run, number=0, hashes={}))
    garbage = msgspec.structs.replace(notice, content=b"\xff" * 40)
    calls = [
        (parties.rounds[0], "client-1", MaskedCall(run.plan.run, stranger)),  # in another's name
        (parties.rounds[0], "client-0", MaskedCall(run.plan.run, offer)),  # what servers alone say
        (parties.rounds[0], "client-0", MaskedCall(run.plan.run, garbage)),
        (parties.rounds[0], "client-0", Join(run.plan.run, bytes(32))),
        (parties.rounds[0], "client-9", Join(run.plan.run, b"")),
        (parties.questions, "client-0", MaskedCall(run.plan.run, notice)),
        (parties.questions, ONE, MaskedCall(run.plan.run, notice)),
        (parties.questions, ONE, Join(run.plan.run, b"")),
    ]
    for server, caller, call in calls:
        try:
            found.append(await server.answer(caller, call))
        except LpmError as error:
            found.append(type(error))
    return found


def test_calls_that_nobody_honest_makes_are_refused_and_change_nothing(small):
    refused = []

    async def also(parties):
        refused.extend(await answers(parties))

    found, run = play(small(**TIMES), also=also)
    assert not [each for each in refused if not isinstance(each, type)]
    assert refused[0] is NotEnrolled
    assert refused[-1] is WireError
    assert [len(each) for each in found.values()] == [4, 4]
    assert not any(all_ended(run))


def record(manifest, world):
    """Return what passed between all parties of a run, in order: caller, callee, request and reply."""
    passed = []

    async def act(caller, callee, request, go_on):
        if isinstance(content_of(request), Offer):
            await asyncio.sleep(0.1)  # so that nobody offers before all have been heard by both, or hands anything on
        reply = await go_on()
        passed.append((caller, callee, request, reply))
        return reply

    _, run = play(manifest, act, world=world)
    return passed, run


def test_each_server_is_sent_what_is_for_it_alone(small):
    passed, _ = record(small(**TIMES), 0)
    words = [request.envelope for _, _, request, _ in passed if isinstance(content_of(request), WordsNotice)]
    to_dealer = b"".join(request.envelope.content for _, callee, request, _ in passed if callee == DEALER)
    for envelope in words:
        notice = msgspec.msgpack.decode(envelope.content, type=WordsNotice)
        for part in (envelope.signature, envelope.nonce, notice.d, notice.e):
            assert len(part) < 8 or part not in to_dealer
    answers = {ONE: set(), TWO: set()}
    for caller, callee, _, reply in passed:
        if isinstance(reply, MaskedReply) and reply.envelope is not None:
            kind = msgspec.msgpack.decode(reply.envelope.content, type=KINDS | ANSWERS)
            if isinstance(kind, ClientReply):
                assert kind.client == caller  # a client's answers, and nobody else's
            if isinstance(kind, ReleaseAnswer):
                assert callee == DEALER
                answers[caller] |= {kind.share} - {()}
    assert (all(answers.values()), answers[ONE] & answers[TWO]) == (True, set())  # there are some, and none is of both


def test_kinds_sizes_and_order_of_what_servers_receive_are_the_same_in_two_worlds(small):
    def shapes(world):
        passed, _ = record(small(join_timeout_s=20.0, round_timeout_s=20.0), world)
        views = {}
        for caller, callee, request, reply in passed:
            for receiver, sender, each in ((callee, caller, request), (caller, callee, reply)):
                envelope = getattr(each, "envelope", None)
                size = (type(each).__name__, len(envelope.content) if envelope is not None else 0)
                views.setdefault((receiver, sender, each is request), []).append(size)
        return views

    assert shapes(0) == shapes(1)
