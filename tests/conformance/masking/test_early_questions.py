"""The first question of a round, asked before the aggregators have told each other whom they heard."""

import asyncio

import msgspec
import numpy as np
import pytest

from aggregator.masking.round_state import TWO_THINGS
from protocols.errors import RoundClosed
from protocols.masking.messages import Closing, Offer, ProofQuestion, WordsNotice
from protocols.wire.messages import MaskedCall
from tests.conformance.masking.test_fresh_seeds import SPEAK, STEPS, until_it_is_away
from tests.conformance.masking.test_servers import DEALER, ONE, TWO, all_ended, content_of, play
from tests.masked_runs import Secrets, start_again

REPLACE = msgspec.structs.replace
TIMES = {"join_timeout_s": 20.0, "round_timeout_s": 1.5}  # for which a client is awaited once, in one test


class Changes:
    """Changes messages of round 1 on their way, signed by their senders, and keeps what was asked.

    Attributes:
        asked: whether the dealer was asked, or told the other whom it heard, in order, and by whom.
        questions: the contents of questions, by who asked.
    """

    def __init__(self, change=lambda caller, callee, message: message, answer=None):
        self.change, self.run, self.asked, self.questions = change, None, [], {ONE: [], TWO: []}
        self.answer = answer

    async def __call__(self, caller, callee, request, go_on):
        message = content_of(request)
        if message is None or message.number != 1:
            return await go_on()
        if (changed := self.change(caller, callee, message)) != message:
            envelope = self.run.signers[caller].send(changed)
            object.__setattr__(request, "envelope", envelope)
            message = changed
        if callee == DEALER and isinstance(message, ProofQuestion):
            self.questions[caller].append(message)
        if isinstance(message, ProofQuestion | Offer | Closing):
            self.asked.append((caller, type(message)))
        while isinstance(message, Offer) and not all(self.questions.values()):
            await asyncio.sleep(0.005)  # both have asked by then, however busy the machine is
        return await (go_on() if self.answer is None else self.answer(caller, callee, go_on, message))


def play_changed(small, change=lambda caller, callee, message: message, *, world=0, also=None, answer=None):
    act = Changes(change, answer)

    async def begin(parties):
        act.run = parties.run
        if also is not None:
            await also(parties)

    found, run = play(small(**TIMES), act, world=world, also=begin)
    return act, found, run


def other_words(message):
    """Return a second content of a client's message."""
    return REPLACE(message, d=bytes([message.d[0] ^ 1]) + bytes(message.d[1:]))


def test_each_aggregator_asks_once_before_it_knows_whom_the_other_one_heard(small):
    act, found, run = play_changed(small)
    assert {name: len(each) for name, each in act.questions.items()} == {ONE: 1, TWO: 1}
    for name in (ONE, TWO):
        kinds = [kind for caller, kind in act.asked if caller == name]
        assert kinds.index(ProofQuestion) < kinds.index(Closing)
    assert [len(each) for each in found.values()] == [4, 4]
    assert not any(all_ended(run))


def test_two_contents_of_a_client_one_at_each_aggregator_leave_it_out_and_the_others_go_on(small):
    """Both ask early, two things; nobody is answered, and both ask once more what follows from the union."""

    def change(caller, callee, message):
        first = (caller, callee) == ("client-0", TWO) and isinstance(message, WordsNotice)
        return other_words(message) if first else message

    act, found, run = play_changed(small, change)
    (one, last), (two, same) = act.questions[ONE], act.questions[TWO]
    assert one != two
    assert last == same
    assert [each.client for each in last.clients] == ["client-1"]
    assert len(found["client-1"]) == 4
    assert isinstance(found["client-0"][-1], RoundClosed)
    assert not any(all_ended(run))


@pytest.mark.parametrize("lost", [ONE, TWO])
def test_an_early_question_comes_again_where_the_word_that_it_was_let_go_of_was_lost(small, lost):
    """As a connection that breaks has it: it is asked once more while the other asks what follows from the union."""
    again = []

    def change(caller, callee, message):
        first = (caller, callee) == ("client-0", TWO) and isinstance(message, WordsNotice)
        return other_words(message) if first else message

    async def lose(caller, callee, go_on, message):
        reply = await go_on()
        if caller == lost and isinstance(message, ProofQuestion) and reply.envelope is None and not again:
            again.append(message)
            return await go_on()
        return reply

    _, found, run = play_changed(small, change, answer=lose)
    assert again
    assert len(found["client-1"]) == 4
    assert isinstance(found["client-0"][-1], RoundClosed)
    assert not any(all_ended(run))


@pytest.mark.parametrize("world", [0, 1])
def test_a_first_question_that_is_a_lie_ends_the_run_for_all(small, world):
    def change(caller, callee, message):
        lies = caller == TWO and isinstance(message, ProofQuestion)
        return REPLACE(message, clients=message.clients[:1]) if lies else message

    act, found, run = play_changed(small, change, world=world)
    assert all(all_ended(run))
    assert any(TWO_THINGS in party.ending for party in run.aggregators)
    assert [str(each[-1]).split(": ", 1)[0] for each in found.values()] == ["the run is over"] * 2
    assert {name: len(each) for name, each in act.questions.items()} == {ONE: 1, TWO: 1}


@pytest.mark.parametrize("world", [0, 1])
def test_a_question_that_was_answered_early_does_not_stand_for_another_one(small, world):
    """One that was asked alike offers then a second content of a client in league with it, so the union is another."""
    other = []

    def change(caller, callee, message):
        if (caller, callee) == ("client-0", ONE) and isinstance(message, WordsNotice):
            other.append(act_run[0].signers["client-0"].send(other_words(message)))
        if caller == TWO and isinstance(message, Offer):
            hashes = message.hashes | {"client-0": tuple(sorted((*message.hashes["client-0"], other[0].digest)))}
            return REPLACE(message, hashes=hashes)
        return message

    act_run = []

    async def hand_on(parties):
        act_run.append(parties.run)
        server = parties.rounds[0]
        while parties.run.dealer._next != (1, True):  # until both early questions of the round are answered
            await asyncio.sleep(0.005)
        await server.answer(TWO, MaskedCall(parties.run.plan.run, other[0]))

    _, found, run = play_changed(small, change, world=world, also=hand_on)
    assert all(all_ended(run))
    assert TWO_THINGS in run.aggregators[0].ending
    assert [len(each) for each in found.values()] == [2, 2]


def test_nothing_is_asked_early_while_somebody_is_awaited_and_a_seed_waits_for_its_words(start):
    """Were it asked, a seed at one and words at the other would come to another question that both had not asked."""
    run, secrets = start(STEPS), Secrets()
    until_it_is_away(run, secrets)
    one, client = run.aggregators[0], start_again(run, "client-0")
    client.renew(SPEAK)
    assert one.ask_early() is None
    run.announce(SPEAK, np.zeros(0, np.int64))
    words = secrets.words(run)
    run.hand("client-1", run.clients["client-1"].message(SPEAK, words["client-1"]))
    one.receive(client.join())
    assert one.ask_early() is None
    client.attend(SPEAK, tuple(each.attend("client-0", SPEAK) for each in run.aggregators))
    one.receive(client.message(SPEAK, words["client-0"]))
    early = one.ask_early()
    one.close()
    assert one.ask_proofs().content == early.content
