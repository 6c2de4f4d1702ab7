"""The dealer by itself: what it refuses whatever the aggregators agree on."""

import asyncio
import os
from concurrent.futures import Future

import msgspec
import numpy as np
import pytest

from aggregator.masking.dealer import SAVE_STEPS, MaskingDealer
from aggregator.masking.service.questions import MaskedQuestions
from protocols.errors import CohortTooSmall, RecordsDiffer, ResultsDiffer, RoundAhead, RunEnded
from protocols.identity.sealing_key import SealingKey, public_key
from protocols.identity.signing import new_key, public_of
from protocols.masking.envelope import Signer, read
from protocols.masking.journal import BEGIN, END, MemoryJournal
from protocols.masking.messages import ClientQuestion, ProofAnswer, ProofQuestion, ReleaseQuestion, Stop
from protocols.masking.plan import MaskingPlan
from protocols.masking.seed import SealedSeed
from protocols.wire.messages import MaskedCall

HASH = bytes(32)
RHO = bytes(range(32))


class Asked:
    """A dealer, and two aggregators that ask it whatever a test wants, alike."""

    def __init__(self, manifest):
        self.plan, sealing = MaskingPlan(manifest), SealingKey.generate()
        names = (*self.plan.aggregators, "dealer", *self.plan.names)
        self.signers = {name: Signer(name, new_key(), os.urandom(32)) for name in names}
        self.keys = {name: public_of(signer.key) for name, signer in self.signers.items()}
        self.dealer = MaskingDealer(self.plan, self.signers["dealer"], self.keys, MemoryJournal(), sealing=sealing)
        target = public_key(sealing.public)
        self.seeds = {name: SealedSeed.draw(self.plan.run, name, target) for name in self.plan.names}

    def ask(self, question):
        replies = [self.dealer.ask(self.signers[name].send(question)) for name in self.plan.aggregators]
        assert replies[0] is None
        return replies[1]

    def proofs(self, number, names=None, *, seeds=None, counter=1):
        names = self.plan.names if names is None else names
        seeds = [self.signers[name].send(self.seeds[name].notice) for name in names] if number == 0 else seeds or ()
        challenges = {name: ((9, 9),) * self.plan.shape(name, number).rounds for name in names}
        clients = tuple(ClientQuestion(name, counter, RHO, challenges[name]) for name in names)
        return ProofQuestion(run=self.plan.run, number=number, announcement=HASH, seeds=tuple(seeds), clients=clients)

    def release(self, number, accepted):
        return ReleaseQuestion(run=self.plan.run, number=number, announcement=HASH, accepted=accepted)


@pytest.fixture
def asked(manifest_of):
    return Asked(manifest_of(mode="outcome", min_cohort=2))


def test_it_answers_every_member_whose_seed_opens(asked):
    answer = read(asked.ask(asked.proofs(0))[0], ProofAnswer, keys=asked.keys, run=asked.plan.run)
    assert [each.client for each in answer.clients] == list(asked.plan.names)


@pytest.mark.parametrize("fails", ["sync", "_save"])
def test_what_the_disk_does_not_take_is_not_answered_now_and_not_when_it_is_asked_again(asked, monkeypatch, fails):
    """Nor is it once the disk is well again: what it took, and what not, nobody knows."""
    written, question = Future(), asked.proofs(0)
    written.set_exception(OSError(28, "No space left on device"))
    failing = {"sync": lambda journal: written, "_save": lambda journal, entries, sync: written.result()}
    with monkeypatch.context() as broken:
        broken.setattr(MemoryJournal, fails, failing[fails])
        with pytest.raises(RunEnded, match="does not take what is to be told"):
            asked.ask(question)
    for name in asked.plan.aggregators:
        with pytest.raises(RunEnded, match="the disk of dealer"):
            asked.dealer.ask(asked.signers[name].send(question))


def test_what_is_expanded_ahead_changes_no_answer_and_a_fresh_seed_makes_it_void(asked):
    """Its proofs are then answered by the new seed, as they are where nothing was expanded."""
    names, eager = asked.plan.names, asked.dealer
    journal = MemoryJournal({"dealer key": eager.journal.entry("dealer key")})
    plain = MaskingDealer(asked.plan, asked.signers["dealer"], asked.keys, journal, sealing=eager.sealing)
    questions = [asked.proofs(0), asked.proofs(1), asked.release(1, names), asked.proofs(2)]
    seed = fresh_seed(asked, counter=2, number=3)
    last = asked.proofs(3, names, seeds=[seed])
    first = msgspec.structs.replace(last.clients[0], counter=2)
    for question in (*questions, msgspec.structs.replace(last, clients=(first, *last.clients[1:]))):
        told = []
        for asked.dealer in (plain, eager):
            told.append([each.content for each in asked.ask(question)])
        eager.expand_ahead()
        assert told[0] == told[1]
    assert all(each._ahead for each in eager._seeds.sources.values())
    assert not any(each._ahead for each in plain._seeds.sources.values())


def test_another_counter_than_the_seeds_is_the_end(asked):
    with pytest.raises(ResultsDiffer, match="another seed"):
        asked.ask(asked.proofs(0, counter=2))
    assert asked.dealer.ending


def test_a_release_over_fewer_clients_than_promised_is_refused(asked):
    asked.ask(asked.proofs(0))
    asked.ask(asked.proofs(1))
    with pytest.raises(CohortTooSmall):
        asked.ask(asked.release(1, asked.plan.names[:1]))


def test_a_release_of_clients_whose_proofs_were_not_asked_is_refused(asked):
    asked.ask(asked.proofs(0))
    asked.ask(asked.proofs(1, asked.plan.names[:2]))
    with pytest.raises(ResultsDiffer, match="not asked"):
        asked.ask(asked.release(1, asked.plan.names))


def test_who_was_left_out_does_not_come_back(asked):
    asked.ask(asked.proofs(0, asked.plan.names[:2]))
    with pytest.raises(ResultsDiffer, match="is out"):
        asked.ask(asked.proofs(1))


def test_a_client_that_is_asked_twice_in_a_round_is_the_end(asked):
    asked.ask(asked.proofs(0))
    with pytest.raises(ResultsDiffer, match="twice"):
        asked.ask(asked.proofs(1, (*asked.plan.names, asked.plan.names[0])))


def test_questions_have_an_order_and_are_answered_once(asked):
    with pytest.raises(RoundAhead):
        asked.ask(asked.proofs(1))


def fresh_seed(asked, *, counter, number, name="client-0"):
    """Return a seed of client-0, signed, that serves from a round on."""
    dealer = public_key(asked.dealer.sealing.public)
    seed = SealedSeed.draw(asked.plan.run, name, dealer, counter=counter, number=number)
    return asked.signers[name].send(seed.notice)


def test_a_seed_of_before_or_of_another_round_is_the_end(asked):
    for counter, number in ((1, 1), (2, 0), (2, 3)):
        here = Asked(asked.plan.manifest)
        here.ask(here.proofs(0))
        with pytest.raises(ResultsDiffer, match="another round, or of before"):
            here.ask(here.proofs(1, seeds=[fresh_seed(here, counter=counter, number=number)]))
        assert here.dealer.ending


def test_a_seed_in_the_middle_of_a_step_is_the_end(asked):
    for question in (asked.proofs(0), asked.proofs(1), asked.release(1, asked.plan.names)):
        asked.ask(question)
    with pytest.raises(RoundAhead, match="middle of a step"):
        asked.ask(asked.proofs(2, seeds=[fresh_seed(asked, counter=2, number=2)]))


def test_who_is_no_member_comes_back_by_a_fresh_seed_alone(asked):
    names = asked.plan.names
    asked.ask(asked.proofs(0))
    asked.ask(asked.proofs(1, names[1:]))
    asked.ask(asked.release(1, names[1:]))
    asked.ask(asked.proofs(2, names[1:]))
    seed = fresh_seed(asked, counter=2, number=3)
    question = asked.proofs(3, names, seeds=[seed])
    first = msgspec.structs.replace(question.clients[0], counter=2)
    answer = asked.ask(msgspec.structs.replace(question, clients=(first, *question.clients[1:])))[0]
    told = read(answer, ProofAnswer, keys=asked.keys, run=asked.plan.run)
    assert [each.client for each in told.clients] == list(names)
    assert asked.dealer.journal.entry("seed client-0 2") == seed.digest  # a counter is on disk before it is used


def test_who_is_no_member_is_not_answered_without_a_fresh_seed(asked):
    asked.ask(asked.proofs(0))
    asked.ask(asked.proofs(1, asked.plan.names[1:]))
    asked.ask(asked.release(1, asked.plan.names[1:]))
    asked.ask(asked.proofs(2, asked.plan.names[1:]))
    with pytest.raises(ResultsDiffer, match="one that is out"):
        asked.ask(asked.proofs(3))


def test_a_seed_that_is_handed_on_in_anothers_name_is_the_end(asked):
    question = asked.proofs(0)
    stolen = asked.signers["client-1"].send(asked.seeds["client-0"].notice)
    given = {"number": 0, "announcement": HASH, "seeds": (stolen,), "clients": question.clients}
    with pytest.raises(ResultsDiffer, match="another client's name"):
        asked.ask(ProofQuestion(run=asked.plan.run, **given))


def test_what_it_deals_is_fresh_with_each_draw_each_purpose_and_each_question_of_before(asked):
    """From one stream by rounds, a second dealing had the roots of the first, and labels could be read."""
    again = Asked.__new__(Asked)
    again.__dict__ = asked.__dict__ | {"dealer": copy_of(asked)}
    drawn = []
    for each, names in ((asked, asked.plan.names), (again, asked.plan.names[1:])):
        each.ask(each.proofs(0))
        each.ask(each.proofs(1, names))
        draw = each.dealer._draw(b"opened")
        drawn += [draw(100), draw(100), each.dealer._draw(b"answers")(100)]
    assert np.unique(np.concatenate(drawn)).size == 600


def copy_of(asked):
    """Return the dealer as it is when it is started again from its journal."""
    before, journal = asked.dealer, MemoryJournal(asked.dealer.journal._entries)
    journal.save_checkpoint(before.journal.checkpoint)
    return MaskingDealer(before.plan, before.signer, before.keys, journal, sealing=before.sealing)


def test_a_dealer_that_is_started_again_tells_what_it_told_and_goes_on(asked):
    names, told = asked.plan.names, []
    questions = [asked.proofs(0), asked.proofs(1), asked.release(1, names), asked.proofs(2), asked.proofs(3)]
    questions += [asked.release(3, names)]
    for place, question in enumerate(questions):
        before = asked.dealer
        asked.dealer = copy_of(asked)
        told.append([asked.dealer.ask(asked.signers[each].send(question)) for each in asked.plan.aggregators][1])
        assert told[-1] == [before.ask(asked.signers[each].send(question)) for each in asked.plan.aggregators][1]
        asked.dealer = copy_of(asked)
        since = 0 if place < 1 else 1 if place < 4 else 4  # in the step in hand
        for earlier, answer in zip(questions[since : place + 1], told[since:], strict=True):
            assert asked.dealer.ask(asked.signers[asked.plan.aggregators[1]].send(earlier)) == answer


@pytest.mark.parametrize("missed", [0, 9])
def test_a_dealer_that_is_started_again_goes_on_from_its_checkpoint(manifest_of, monkeypatch, missed):
    """It takes in few questions, and tells what it would have told; of who was away it has the seed all the same."""
    asked = Asked(manifest_of(mode="outcome", min_cohort=2, steps=2 * SAVE_STEPS + 2))
    names, last, taken, take = asked.plan.names, 2 * (2 * SAVE_STEPS + 1), [], MaskingDealer._take
    asked.ask(asked.proofs(0))
    for number in range(1, last):
        here = names[1:] if missed and number >= missed else names
        asked.ask(asked.proofs(number, here))
        if asked.plan.opens(number):
            asked.ask(asked.release(number, here))
    monkeypatch.setattr(
        MaskingDealer, "_take", lambda self, *given, **more: (taken.append(1), take(self, *given, **more))
    )
    again = copy_of(asked)
    assert len(taken) <= 3 * SAVE_STEPS < 3 * last // 2
    question = asked.proofs(last, names[1:])
    told = [
        [each.ask(asked.signers[name].send(question)) for name in asked.plan.aggregators]
        for each in (again, asked.dealer)
    ]
    assert told[0] == told[1]
    assert (again._asked, again._members, again._seeds.counters) == (
        asked.dealer._asked,
        names[1:],
        asked.dealer._seeds.counters,
    )
    assert (again._sums.differences() == asked.dealer._sums.differences()).all()


def test_a_dealer_whose_journal_is_older_than_its_checkpoint_ends_the_run(manifest_of):
    asked = Asked(manifest_of(mode="outcome", min_cohort=2, steps=SAVE_STEPS + 2))
    asked.ask(asked.proofs(0))
    early = dict(asked.dealer.journal._entries)
    for number in range(1, 2 * SAVE_STEPS + 2):
        asked.ask(asked.proofs(number))
        if asked.plan.opens(number):
            asked.ask(asked.release(number, asked.plan.names))
    asked.dealer.journal._entries = early
    with pytest.raises(RecordsDiffer, match="older than what it goes on with"):
        copy_of(asked)


def test_a_dealer_forgets_a_run_that_is_over(manifest_of, monkeypatch):
    """Not while an answer of the last step may have been lost."""
    monkeypatch.setattr("aggregator.masking.service.questions.patience_s", lambda *_: 0.05)
    asked = Asked(manifest_of(mode="outcome", min_cohort=2, steps=1))

    async def play():
        questions = MaskedQuestions(lambda: asked.dealer)
        forgetting = asyncio.ensure_future(questions.forget())
        for number in range(asked.plan.manifest.schedule.rounds):
            asked_for = [asked.proofs(number)]
            asked_for += [asked.release(number, asked.plan.names)] if asked.plan.opens(number) else []
            for question in asked_for:
                calls = (
                    questions.answer(name, MaskedCall(asked.plan.run, asked.signers[name].send(question)))
                    for name in asked.plan.aggregators
                )
                await asyncio.gather(*calls)
                assert asked.dealer.journal.entry("dealer key")
        await asyncio.wait_for(forgetting, 5.0)

    asyncio.run(play())
    assert asked.dealer.journal._entries.keys() == {BEGIN, END}
    with pytest.raises(RunEnded, match="come to its end"):
        copy_of(asked).require_running()


def test_two_first_questions_are_let_go_of_once_and_nobody_is_answered_twice(asked):
    one, two = (asked.signers[name] for name in asked.plan.aggregators)
    whole, part = asked.proofs(0), asked.proofs(0, asked.plan.names[:2])
    assert asked.dealer.ask(one.send(whole)) is None
    assert asked.dealer.ask(two.send(part)) == ()
    assert not [name for name in asked.dealer.journal._entries if name.startswith("question")]
    answer = read(asked.ask(part)[0], ProofAnswer, keys=asked.keys, run=asked.plan.run)
    assert [each.client for each in answer.clients] == list(asked.plan.names[:2])
    with pytest.raises(RoundAhead, match="out of its turn"):
        asked.ask(whole)


def test_two_first_questions_a_second_time_end_the_run_and_in_another_round_do_not(asked):
    one, two = (asked.signers[name] for name in asked.plan.aggregators)
    for number in (0, 1):
        whole, part = asked.proofs(number), asked.proofs(number, asked.plan.names[:2])
        assert asked.dealer.ask(one.send(whole)) is None
        assert asked.dealer.ask(two.send(part)) == ()
        if number == 0:
            asked.ask(whole)
    first, last = (asked.proofs(1, names) for names in (asked.plan.names[:1], asked.plan.names[1:]))
    assert asked.dealer.ask(one.send(first)) is None
    with pytest.raises(ResultsDiffer, match="two things"):
        asked.dealer.ask(two.send(last))


def test_a_first_question_that_was_let_go_of_is_so_again_and_who_asks_anew_asks_once_more(asked):
    """One was not told, and asks the same; it is never answered, as the other one does not ask it."""
    one, two = (asked.signers[name] for name in asked.plan.aggregators)
    whole, part = asked.proofs(0), asked.proofs(0, asked.plan.names[:2])
    assert asked.dealer.ask(one.send(whole)) is None
    assert asked.dealer.ask(two.send(part)) == ()
    both = asked.proofs(0, asked.plan.names[1:])
    for _ in range(2):
        assert asked.dealer.ask(one.send(whole)) is None
        assert asked.dealer.ask(two.send(both)) == ()
    answer = read(asked.ask(both)[0], ProofAnswer, keys=asked.keys, run=asked.plan.run)
    assert [each.client for each in answer.clients] == list(asked.plan.names[1:])


def test_two_questions_about_a_release_end_the_run_at_once(asked):
    one, two = (asked.signers[name] for name in asked.plan.aggregators)
    for number in (0, 1):
        asked.ask(asked.proofs(number))
    assert asked.dealer.ask(one.send(asked.release(1, asked.plan.names))) is None
    with pytest.raises(ResultsDiffer, match="two things"):
        asked.dealer.ask(two.send(asked.release(1, asked.plan.names[:2])))


def test_a_dealer_that_had_ended_a_run_ends_it_again(asked):
    with pytest.raises(ResultsDiffer):
        asked.ask(asked.proofs(0, counter=2))
    asked.dealer = copy_of(asked)
    with pytest.raises(RunEnded, match="another seed"):
        asked.ask(asked.proofs(0))


def test_a_dealer_that_was_told_to_stop_answers_nothing_when_it_is_started_again(asked):
    one, run = asked.plan.aggregators[0], asked.plan.run
    asked.dealer.end(asked.signers[one].send(Stop(run=run, number=0, reason="enough")))
    asked.dealer = copy_of(asked)
    with pytest.raises(RunEnded, match="has stopped: enough"):
        asked.ask(asked.proofs(0))


def test_it_prints_no_key(asked):
    text = repr(asked.dealer)
    assert str(asked.dealer._key) not in text
    assert "sources" not in text


def test_a_stop_that_comes_while_a_question_is_taken_in_is_told_to_who_asked(asked, monkeypatch):
    """It found nobody waiting; who asked would wait for the other aggregator for good."""
    (one, two), honest, run = asked.plan.aggregators, MaskingDealer.ask, asked.plan.run

    async def play():
        loop, questions = asyncio.get_running_loop(), MaskedQuestions(lambda: asked.dealer)

        def ask(self, envelope):
            told = honest(self, envelope)
            stop = MaskedCall(run, asked.signers[two].send(Stop(run=run, number=0, reason="enough")))
            asyncio.run_coroutine_threadsafe(questions.answer(two, stop), loop).result(5)
            return told

        monkeypatch.setattr(MaskingDealer, "ask", ask)
        question = MaskedCall(run, asked.signers[one].send(asked.proofs(0)))
        await asyncio.wait_for(questions.answer(one, question), 10)

    with pytest.raises(RunEnded, match="has stopped: enough"):
        asyncio.run(play())
