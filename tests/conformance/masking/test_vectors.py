"""Sums of vectors with a dealer: who leaves its ranges or norm is named, and a lie ends the run alike in all worlds.

Worlds differ in what one client adds; endings are counted. `tests/masked_lies.py` has the lies.
"""

import math
from collections import Counter

import msgspec
import numpy as np
import pytest

from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.secure_sum.parties import build_noisy_releases, manifest_for
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.arithmetic.fixed_point import to_ring
from protocols.errors import BudgetSpent, CohortTooSmall, ConflictingReplay, LpmError, RoundAhead, RunEnded
from protocols.identity.attachment import PartHashes
from protocols.masking import range_proof
from protocols.masking.messages import ProofQuestion, ReleaseQuestion, WordsNotice, from_bytes, to_bytes
from protocols.masking.transcript import Transcript
from protocols.masking.words import pack
from tests.masked_lies import LIAR, LIES, Liar, replace
from tests.masked_runs import Recorder, noise_of_both

NAMES, SHAPE = ("client-0", "client-1", "client-2"), (2, 3)
NOTHING = np.zeros(0, np.int64)
OF_SUMS = tuple(name for name in LIES if "comparison" not in name and "bit" not in name and "answer" not in name)
OF_SUMS = tuple(name for name in OF_SUMS if "decides" not in name)


def manifest(**changes):
    given = {"rounds": 3, "min_cohort": 2, "dealer": "127.0.0.1:3"} | changes
    return manifest_for(NAMES, SHAPE, ["127.0.0.1:1", "127.0.0.1:2"], **given)


def begin(changes=None, **given):
    return MaskedRun.draw(manifest(**(changes or {})), **given).start()


def limit(**changes):
    return math.isqrt(manifest(**changes).squares)


def at_the_bound():
    x = np.zeros(6, np.int64)
    x[4] = -limit()
    return x


WORLDS = (np.zeros(6, np.int64), at_the_bound(), np.full(6, limit() // 3))


def vectors(first):
    return {"client-0": first, "client-1": np.arange(6), "client-2": np.full(6, -7)}


def ask(run):
    """Play a round that asks, and return what was announced."""
    announced = np.random.default_rng(run.aggregators[0].number).normal(size=6)
    told = run.play({name: np.zeros(0, np.uint64) for name in run.aggregators[0].members}, announced.view(np.int64))
    return announced, told


def answer(run, given):
    """Play a round that answers, and return what everybody was told."""
    return run.play({name: to_ring(np.asarray(x)) for name, x in given.items()}, NOTHING)


def test_a_sum_is_that_of_its_members_vectors_to_the_bit_round_after_round():
    run = begin()
    for world in WORLDS:
        announced, asked = ask(run)
        for name in (*NAMES, "engine"):
            assert np.array_equal(asked[name].announcement.view(np.float64), announced)
            assert asked[name].release.size == 0
        told = answer(run, vectors(world))
        for name in (*NAMES, "engine"):
            assert np.array_equal(told[name].release, sum(vectors(world).values()))
            assert told[name].accepted == NAMES


def beyond_the_norm():
    """Each entry is in its range, and so is every one that is rounded."""
    return np.full(6, limit() // 2)


@pytest.mark.parametrize(
    "wrong",
    [
        beyond_the_norm(),
        2 * at_the_bound(),
        np.array([2**57 - 1, 0, 0, 0, 0, 0]),
        np.full(6, 2**50),
        -beyond_the_norm(),
    ],
    ids=["norm", "entry", "ring", "garbage", "negative"],
)
def test_a_client_beyond_its_ranges_or_norm_is_named_at_once_and_the_others_go_on(wrong):
    run = begin()
    ask(run)
    told = answer(run, vectors(wrong))
    assert set(told) == {"client-1", "client-2", "engine"}
    assert told["engine"].accepted == NAMES[1:]
    assert told["engine"].refused == ("client-0",)
    assert np.array_equal(told["engine"].release, np.arange(6) - 7)
    ask(run)
    told = answer(run, {name: x for name, x in vectors(WORLDS[0]).items() if name != "client-0"})
    assert told["client-1"].refused == ()
    assert np.array_equal(told["client-1"].release, np.arange(6) - 7)


def test_one_unit_beyond_the_bound_fails_where_no_bit_is_dropped():
    small = {"contribution": Contribution(clip=4.0, bits=10)}
    assert MaskedRun.draw(manifest(**small)).plan.norm.dropped == 0
    bound = limit(**small)
    for first, accepted in ((bound, True), (bound + 1, False)):
        run = begin(small)
        ask(run)
        told = answer(run, vectors(np.array([0, 0, first, 0, 0, 0])))
        assert ("client-0" in told) is accepted


def test_a_client_that_tells_two_vectors_is_left_out_by_both():
    run = begin()
    ask(run)
    words = {name: to_ring(x) for name, x in vectors(WORLDS[0]).items()}
    client = run.clients["client-0"]
    one = client.message(1, words["client-0"])
    notice = run.aggregators[0].read(one, WordsNotice)
    other = client.signer.send(replace(notice, d=to_bytes(from_bytes(notice.d) ^ np.uint64(1))))
    run.aggregators[0].receive(one)
    run.aggregators[1].receive(other)
    del words["client-0"]
    assert set(run.play(words, NOTHING)) == {"client-1", "client-2", "engine"}


def test_a_vector_told_to_one_aggregator_alone_counts():
    run = begin()
    ask(run)
    given = vectors(WORLDS[2])
    first = run.clients["client-0"].message(1, to_ring(given["client-0"]))
    run.aggregators[1].receive(first)
    told = run.play({name: to_ring(given[name]) for name in NAMES[1:]}, NOTHING)
    assert np.array_equal(told["engine"].release, sum(given.values()))


def test_another_vector_in_the_same_round_is_refused_by_the_client_itself():
    run = begin()
    ask(run)
    run.clients["client-0"].message(1, to_ring(WORLDS[0]))
    with pytest.raises(ConflictingReplay):
        run.clients["client-0"].message(1, to_ring(WORLDS[2]))


def test_a_vector_of_an_earlier_round_changes_nothing():
    kept = Recorder("aggregator-0")
    run = begin(between=kept)
    ask(run)
    answer(run, vectors(WORLDS[2]))
    earlier = [each for each in kept.messages if each.sender == "client-0"]
    ask(run)
    for message in earlier:
        run.hand("client-0", message)
    told = answer(run, {name: x for name, x in vectors(WORLDS[2]).items() if name != "client-0"})
    assert told["engine"].accepted == NAMES[1:]
    assert np.array_equal(told["engine"].release, np.arange(6) - 7)


def ending(liar, world):
    """Return how a run ends for an onlooker: where, how, and for whom."""
    run = begin(between=liar)
    liar.run = run
    try:
        for _ in range(2):
            ask(run)
            told = answer(run, vectors(world))
            for name in (*NAMES, "engine"):
                assert np.array_equal(told[name].release, sum(vectors(world).values())), "a wrong sum counts"
    except LpmError as error:
        parties = (*run.aggregators, run.dealer, *run.clients.values())
        assert all(party.ending for party in parties), "somebody goes on"
        return run.aggregators[0].number, type(error).__name__, str(error)
    return "goes on"


def count(lie, trials):
    counts = []
    for world in WORLDS:
        endings = Counter()
        for _ in range(trials):
            liar = Liar(lie)
            endings[ending(liar, world)] += 1
            assert liar.lies
        counts.append(endings)
    return counts


def test_the_lies_are_all_that_an_aggregator_may_say_of_a_sum():
    assert len(OF_SUMS) == 14


@pytest.mark.parametrize("lie", OF_SUMS)
def test_a_lie_of_an_aggregator_ends_the_run_alike_in_all_worlds(lie):
    counts = count(LIES[lie], trials=1)
    assert counts[0] == counts[1] == counts[2]
    assert "goes on" not in counts[0]
    assert len(counts[0]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("lie", OF_SUMS)
def test_many_times_over_a_lie_ends_the_run_alike_in_all_worlds(lie):
    counts = count(LIES[lie], trials=70)  # in each of three worlds
    assert counts[0] == counts[1] == counts[2]
    assert "goes on" not in counts[0]


@pytest.mark.parametrize("world", WORLDS)
def test_the_honest_run_goes_on_in_all_worlds(world):
    assert ending(Liar(lambda liar, receiver, message: None), world) == "goes on"


@pytest.mark.parametrize("kind", [ProofQuestion, ReleaseQuestion])
def test_another_question_of_a_round_that_was_answered_is_the_end(kind):
    """A second sum over fewer is the difference of two, which is a client's vector."""
    asked = Recorder("dealer")
    run = begin(between=asked)
    ask(run)
    answer(run, vectors(WORLDS[2]))
    read = [run.dealer.read(each, ProofQuestion, ReleaseQuestion) for each in asked.messages]
    question = [each for each in read if isinstance(each, kind)][-1]
    names = {"accepted": question.accepted[1:]} if kind is ReleaseQuestion else {"clients": question.clients[1:]}
    for name in run.plan.aggregators:  # even if both ask
        with pytest.raises((RoundAhead, RunEnded)):
            run.dealer.ask(run.signers[name].send(replace(question, **names)))
    assert run.dealer.ending


def test_the_dealer_cannot_try_vectors_out():
    """It tries every candidate against all that it was asked, as if what it knows were all that the hashes took in."""
    asked = Recorder("dealer")
    run = begin(between=asked)
    ask(run)
    answer(run, vectors(WORLDS[0]))
    questions = [run.dealer.read(each, ProofQuestion, ReleaseQuestion) for each in asked.messages]
    question = next(each for each in questions if isinstance(each, ProofQuestion) and each.number == 1).clients[0]
    source, plan = run.dealer._seeds.sources["client-0"], run.plan
    shape, pads = plan.shape("client-0", 1), source.pads(1, 6)
    blank = WordsNotice(run=plan.run, number=1, client="client-0", counter=1)
    for world in WORLDS:
        y = plan.words_to_check(to_ring(world), "client-0", 1)
        d = plan.words_to_check(to_ring(world) + pads, "client-0", 1)
        masks, e, told = range_proof.mask(source, 1, shape, x=y, d=d, pads=pads)
        said = replace(blank, d=to_bytes(d), e=pack(e, shape.width + 1), numbers=to_bytes(told))
        for nonce in (b"", bytes(32), question.rho):
            transcript = Transcript(blank.context, nonce, said.hashes(PartHashes()))
            range_proof.prove(source, 1, shape, transcript=transcript, masks=masks, e=e, told=told)
            assert transcript.question().rho != question.rho
            assert not set(transcript.question().challenges) & set(question.challenges)


def test_a_dealer_that_lies_moves_a_sum_by_what_it_likes_unseen(monkeypatch):
    """As the page says: nobody else has the pads."""
    run = begin()
    ask(run)
    monkeypatch.setattr("aggregator.masking.dealer.noise_of", lambda *given: np.full(6, 5))
    told = answer(run, vectors(WORLDS[0]))
    assert told["engine"].release.tolist() == (sum(vectors(WORLDS[0]).values()) + 5).tolist()
    assert not any(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))


def noised(times):
    return build_noisy_releases(sigma=2.0, rounds=times, epsilon=100.0, delta=1e-6)


def test_noise_of_dealer_and_aggregators_stands_in_full_in_each_sum():
    heard = Recorder("dealer", "aggregator-0")
    run = begin({"releases": noised(3)}, between=heard)
    for _ in range(2):
        ask(run)
        told = answer(run, vectors(WORLDS[2]))
        first, second = noise_of_both(run, heard, run.aggregators[0].number - 1)
        assert first.all()
        assert second.all()
        assert np.array_equal(told["engine"].release, sum(vectors(WORLDS[2]).values()) + first + second)


def test_sums_beyond_the_budget_and_over_too_few_are_not_opened():
    each = noised(3)
    run = begin({"releases": msgspec.structs.replace(each, rho=each.each[0].rho(1))})
    ask(run)
    answer(run, vectors(WORLDS[0]))
    ask(run)
    with pytest.raises(BudgetSpent):
        answer(run, vectors(WORLDS[0]))
    run = begin({"min_cohort": 3})
    ask(run)
    with pytest.raises(CohortTooSmall):
        answer(run, vectors(beyond_the_norm()))
    assert all(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))


def test_the_question_to_the_dealer_has_nothing_of_what_was_told():
    asked = Recorder("dealer")
    run = begin(between=asked)
    ask(run)
    sent = {name: run.clients[name].message(1, to_ring(x)) for name, x in vectors(WORLDS[2]).items()}
    answer(run, vectors(WORLDS[2]))
    for message in asked.messages:
        for client in sent.values():
            notice = run.aggregators[0].read(client, WordsNotice)
            for part in (client.signature, client.nonce, client.digest, notice.d, notice.e, notice.numbers):
                assert len(part) < 8 or part not in message.content


def test_what_an_aggregator_holds_of_a_vector_is_uniform_in_all_worlds():
    for world in WORLDS:
        tops = {"d": np.zeros(8), "numbers": np.zeros(8)}
        for _ in range(12):
            run = begin()
            ask(run)
            notice = run.aggregators[1].read(run.clients["client-0"].message(1, to_ring(world)), WordsNotice)
            for field, top in (("d", 55), ("numbers", 58)):
                words = from_bytes(getattr(notice, field)) >> np.uint64(top)
                tops[field] += np.bincount(words.astype(np.int64), minlength=8)
        for each in tops.values():
            expected = each.sum() / 8
            assert ((each - expected) ** 2 / expected).sum() < 29.9  # 7 degrees of freedom, one alarm in 10,000


def test_an_aggregator_asks_alone_and_is_answered_nothing():
    run = begin()
    empty = ProofQuestion(run=run.plan.run, number=0, announcement=bytes(32), seeds=(), clients=())
    assert run.dealer.ask(run.signers[LIAR].send(empty)) is None
