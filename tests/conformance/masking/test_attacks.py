"""An aggregator that lies ends the run, in the same way whatever the clients' secrets are, or changes nothing.

Each lie is played in worlds that differ in thresholds, messages and stages; endings are counted. Source of the list:
the attacks that broke the first release and the first design (docs/security/active.md).
"""

import hashlib
from collections import Counter

import numpy as np
import pytest

from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import BadSignature, ConflictingReplay, LpmError, NotEnrolled, ResultsDiffer, RoundAhead, RunEnded
from protocols.identity.attachment import PartHashes
from protocols.masking import range_proof
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import (
    KeyCommitment,
    KeyContribution,
    ProofQuestion,
    RangeVerdict,
    ReleaseQuestion,
    SeedNotice,
    StepNotice,
    WordsNotice,
    to_bytes,
)
from protocols.masking.transcript import Transcript
from protocols.masking.words import pack
from tests.comparison_lies import KEY_LIES
from tests.masked_endings import ending as ending_of
from tests.masked_lies import LIAR, LIES, Liar, replace, when
from tests.masked_runs import Recorder, Secrets

WORLDS = (
    {"tau": (0, 0), "said": 3, "stage": 0},
    {"tau": (7, 7), "said": 1, "stage": 2},
    {"tau": (0, 7), "said": 3, "stage": 2},
)
BITS = ([1, 1], [0, 0], [1, 0])  # of agents 0 and 1


def ending(start, liar, world):
    """Return how a run ends for an onlooker: where, how, and for whom."""
    run = start(between=liar)
    liar.run = run
    secrets = Secrets(**world)
    try:
        for _ in range(4):
            readings = run.play(secrets.words(run))
            if run.aggregators[0].number == 3 and "client-0" in readings:
                bits = readings["client-0"].outcomes[:, 0].tolist()
                assert bits == BITS[WORLDS.index(world)], "a client took a wrong bit for right"
    except LpmError as error:
        parties = (*run.aggregators, run.dealer, *run.clients.values())
        assert all(party.ending for party in parties), "somebody goes on"
        return run.aggregators[0].number, type(error).__name__, str(error)
    return "goes on"


def count(start, lie, trials):
    counts = []
    for world in WORLDS:
        endings = Counter()
        for _ in range(trials):
            liar = Liar(lie)
            endings[ending(start, liar, world)] += 1
            assert liar.lies
        counts.append(endings)
    return counts


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_ends_the_run_alike_in_all_worlds(lie, start):
    counts = count(start, LIES[lie], trials=1)
    assert counts[0] == counts[1] == counts[2]
    assert "goes on" not in counts[0]
    assert len(counts[0]) == 1


@pytest.mark.parametrize("compared", ["keys"], indirect=True)
@pytest.mark.parametrize("lie", KEY_LIES)
def test_a_lie_about_a_key_ends_the_run_alike_in_all_worlds(lie, start):
    counts = count(start, KEY_LIES[lie], trials=1)
    assert counts[0] == counts[1] == counts[2]
    assert "goes on" not in counts[0]


@pytest.mark.slow
@pytest.mark.parametrize("lie", LIES)
def test_many_times_over_a_lie_ends_the_run_alike_in_all_worlds(lie, start):
    counts = count(start, LIES[lie], trials=70)  # in each of three worlds
    assert counts[0] == counts[1] == counts[2]
    assert "goes on" not in counts[0]


@pytest.mark.parametrize("kinds", [RangeVerdict, RangeVerdict | ReleaseQuestion, ReleaseQuestion])
def test_a_client_in_league_that_is_out_of_range_cannot_be_called_in_range(kinds, start):
    """The other direction: what it says would count, and with it a release or a comparison of the liar's choice."""

    def accept(liar, receiver, message):
        if isinstance(message, kinds) and message.number == 1:
            return replace(message, accepted=("client-0", "client-1"))
        return None

    found = []
    for world in WORLDS:
        run = start(between=(liar := Liar(accept)))
        liar.run, secrets = run, Secrets(**world)
        run.play(secrets.words(run))
        words = secrets.words(run)
        words["client-1"][0] = 2**40  # tells agent 0 more than anybody may
        found.append(ending_of(run, lambda run=run, words=words: run.play(words)))
        assert liar.lies
    assert len(set(found)) == 1


@pytest.mark.parametrize("world", WORLDS)
def test_the_honest_run_goes_on_in_all_worlds(world, start):
    assert ending(start, Liar(lambda liar, receiver, message: None), world) == "goes on"


def resend_a_question(liar, message):
    """Ask the same once more, before and after it was answered."""
    dealer = liar.run.dealer
    dealer.ask(liar.run.signers[LIAR].send(message))
    liar.lies += 1


@pytest.mark.parametrize("kind", [ProofQuestion, ReleaseQuestion])
def test_the_same_question_asked_twice_is_answered_with_the_same_bytes(kind, start):
    liar = Liar(when(kind, 1, resend_a_question))
    assert ending(start, liar, WORLDS[0]) == "goes on"
    assert liar.lies


@pytest.mark.parametrize("change", ["members", "challenges", "announcement"])
def test_another_question_of_a_round_that_was_answered_is_the_end(change, start):
    """A second sum would average noise away; a second answer is a second equation of a client's bits."""
    asked = Recorder("dealer")
    run = start(between=asked)
    for _ in range(2):
        run.play(Secrets().words(run))
    kinds = {"members": ReleaseQuestion, "challenges": ProofQuestion, "announcement": ReleaseQuestion}
    question = next(
        run.dealer.read(each, ProofQuestion, ReleaseQuestion)
        for each in reversed(asked.messages)
        if isinstance(run.dealer.read(each, ProofQuestion, ReleaseQuestion), kinds[change])
    )
    if change == "members":
        question = replace(question, accepted=question.accepted[:1])
    elif change == "announcement":
        question = replace(question, announcement=bytes([1] * 32))
    else:
        question = replace(question, clients=(replace(question.clients[0], rho=bytes(32)), *question.clients[1:]))
    for name in run.plan.aggregators:  # even if both ask
        with pytest.raises((RoundAhead, RunEnded)):
            run.dealer.ask(run.signers[name].send(question))
    assert run.dealer.ending


def test_one_aggregator_alone_is_answered_nothing(start):
    fresh = start()
    empty = ProofQuestion(run=fresh.plan.run, number=0, announcement=bytes(32), seeds=(), clients=())
    assert fresh.dealer.ask(fresh.signers[LIAR].send(empty)) is None


def test_a_stranger_is_answered_nothing(start):
    run = start()
    empty = ProofQuestion(run=run.plan.run, number=0, announcement=bytes(32), seeds=(), clients=())
    with pytest.raises(NotEnrolled, match="only aggregators"):
        run.dealer.ask(run.signers["client-0"].send(empty))
    forged = run.signers["client-0"].send(empty)
    for name in run.plan.aggregators:
        with pytest.raises(BadSignature):
            run.dealer.ask(SignedMessage(name, forged.content, forged.nonce, forged.signature))
    assert not run.dealer.ending


def test_an_announcement_that_the_engine_did_not_sign_changes_nothing(start):
    run = start()
    run.play(Secrets().words(run))
    notice = run.signers[LIAR].send(StepNotice(run=run.plan.run, number=1, words=b""))
    run.hand(LIAR, SignedMessage("engine", notice.content, notice.nonce, notice.signature))
    assert run.play(Secrets().words(run))["client-0"].release.tolist() == [4, 0, 0, 0]


def test_another_contribution_than_was_committed_to_is_the_end(small):
    run = MaskedRun.draw(small()).start()
    one, _ = run.aggregators
    wrong = run.signers[LIAR].send(KeyContribution(run=run.plan.run, number=0, part=bytes(32)))
    with pytest.raises(ResultsDiffer, match="committed"):
        one.join_keys(wrong)
    assert one.ending


def test_a_second_commitment_is_the_end(start):
    """Whoever commits anew once it has seen the other's part chooses the common key."""
    run = start()
    one, _ = run.aggregators
    later = run.signers[LIAR].send(KeyCommitment(run=run.plan.run, number=0, digest=bytes(32)))
    with pytest.raises(ConflictingReplay):
        one.contribute(later)
    assert one.ending


def test_two_announcements_of_one_step_are_the_end(start):
    run = start({"cells": (9,), "engine": True})
    run.play(Secrets().words(run))
    words = Secrets().words(run)
    for name, x in words.items():
        run.hand(name, run.clients[name].message(1, x))
    for total, party in zip((1, 2), run.aggregators, strict=True):
        notice = StepNotice(run=run.plan.run, number=1, words=total.to_bytes(8, "little"))
        party.receive(run.signers["engine"].send(notice))
    with pytest.raises(ResultsDiffer):
        run.finish()
    assert run.dealer.ending


def forge(run, message):
    """Return a message in client-0's name, signed with the liar's key."""
    signer = run.signers[LIAR]
    forged = signer.send(message)
    return SignedMessage("client-0", forged.content, forged.nonce, forged.signature)


@pytest.mark.parametrize("world", WORLDS)
def test_a_seed_or_words_in_a_clients_name_change_nothing(world, start):
    """A forged seed read a bit from whether the client stopped."""
    run, secrets = start(), Secrets(**world)
    seed = replace(run.clients["client-1"].seed.notice, client="client-0")
    words = WordsNotice(run=run.plan.run, number=0, client="client-0", counter=1)
    for party in run.aggregators:
        party.receive(forge(run, seed))
        party.receive(forge(run, words))
    for _ in range(3):
        readings = run.play(secrets.words(run))
    assert readings["client-0"].outcomes[:, 0].tolist() == BITS[WORLDS.index(world)]


@pytest.mark.parametrize("world", WORLDS)
def test_a_client_that_copies_anothers_seed_and_words_is_left_out(world, start):
    """With the seed in two names the dealer answered twice on one client's pads."""
    run, secrets = start(), Secrets(**world)
    words = secrets.words(run)
    honest, copier = run.clients["client-0"], run.signers["client-1"]
    seed, sent = honest.join(), honest.message(0, words["client-0"])
    run.hand("client-0", seed)
    run.hand("client-0", sent)
    notice = run.aggregators[0].read(seed, SeedNotice)
    copy = run.aggregators[0].read(sent, WordsNotice)
    run.hand("client-1", copier.send(replace(notice, client="client-1")))
    run.hand("client-1", copier.send(replace(copy, client="client-1")))
    run.hand("client-1", copier.send(copy))  # and in the other's name, under its own signature
    assert set(run.finish()) == {"client-0"}


@pytest.mark.parametrize("world", WORLDS)
def test_words_beyond_the_ring_and_short_proofs_are_silence(world, start):
    run, secrets = start(), Secrets(**world)
    run.play(secrets.words(run))
    words = secrets.words(run)
    notice = run.aggregators[0].read(run.clients["client-1"].message(1, words["client-1"]), WordsNotice)
    beyond = notice.words(words["client-1"].size).copy()
    beyond[0] += np.uint64(2**61 - 1)
    lies = {"d": beyond.astype("<u8").tobytes()}, {"rows": notice.rows[: 8 * 12]}, {"e": notice.e[:-8]}
    for lie in lies:
        run = start()
        run.play(secrets.words(run))
        wrong = replace(notice, run=run.plan.run, **lie)
        run.hand("client-1", run.signers["client-1"].send(wrong))
        run.hand("client-0", run.clients["client-0"].message(1, words["client-0"]))
        assert set(run.finish()) == {"client-0", "engine"}


def test_a_second_question_in_a_step_is_refused(start):
    """A client that told another own level in the same step would search the level it hears."""
    run = start()
    for _ in range(2):
        run.play(Secrets().words(run))
    words = Secrets().words(run)
    run.play(words)
    again = run.clients["client-0"].message(2, words["client-0"])
    run.hand("client-0", again)
    assert not run.aggregators[0]._round.collection.envelopes  # of the next round


def test_a_stop_of_one_client_is_the_end_for_all(start):
    run = start()
    run.play(Secrets().words(run))
    run.clients["client-1"].ending = "a test"
    run.stop()
    for party in (*run.aggregators, run.dealer, run.clients["client-0"]):
        assert "client-1 has stopped" in party.ending
    with pytest.raises(RunEnded):
        run.play(Secrets().words(run))


def test_what_an_aggregator_holds_of_two_worlds_is_uniform(start):
    """The top bytes of every client's masked words, in worlds that differ in every word."""
    for world in WORLDS[:2]:
        tops = np.zeros(8)
        for _ in range(12):
            run = start()
            run.play(Secrets(**world).words(run))
            words = Secrets(**world).words(run)
            notice = run.aggregators[1].read(run.clients["client-0"].message(1, words["client-0"]), WordsNotice)
            held = np.concatenate([notice.words(words["client-0"].size) >> np.uint64(55)])
            tops += np.bincount(held.astype(np.int64), minlength=8)
        expected = tops.sum() / 8
        assert ((tops - expected) ** 2 / expected).sum() < 24.3  # 7 degrees of freedom, one alarm in 1,000


def test_the_dealer_cannot_try_words_out(start):
    """It tries every value of a word against all that it was asked, as if its hashes were the state."""
    asked = Recorder("dealer")
    run = start(between=asked)
    run.play(Secrets(tau=(1, 1)).words(run))
    question = run.dealer.read(asked.messages[0], ProofQuestion).clients[0]
    source, plan = run.dealer._seeds.sources["client-0"], run.plan
    shape, pads = plan.shape("client-0", 0), source.pads(0, 2)
    blank = WordsNotice(run=plan.run, number=0, client="client-0", counter=1)
    for tau in range(8):
        x = np.array([tau, tau], np.uint64)
        d = (x + pads) % np.uint64(2**58)
        masks = range_proof.bit_pads(source, 0, shape)
        e = range_proof.mask_bits(x, d, pads, masks=masks, shape=shape)
        said = replace(blank, d=to_bytes(d), e=pack(e, shape.width + 1))
        for nonce in (b"", bytes(32), question.rho, hashlib.sha256(question.rho).digest()):
            transcript = Transcript(blank.context, nonce, said.hashes(PartHashes()))
            assert transcript.question().rho != question.rho
            rows = range_proof.prove(source, 0, shape, transcript=transcript, masks=masks, e=e)
            assert len(shape.rows(rows)) == len(question.challenges)
            assert not set(transcript.question().challenges) & set(question.challenges)
