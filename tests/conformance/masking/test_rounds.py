"""Honest masked rounds, and clients that fail their proofs or keep silent."""

import msgspec
import numpy as np
import pytest

from aggregator.masking.round_state import NextComparison
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import CohortTooSmall, ConflictingReplay, RoundAhead, RunEnded, WireError
from protocols.masking.messages import ProofQuestion, ReleaseAnswer, WordsNotice, from_bytes, to_bytes
from protocols.releases.query import Release, Releases
from tests.masked_restarts import renew_server
from tests.masked_runs import Recorder, Secrets, noise_of_both


def play_all(run, secrets, rounds=4):
    return [run.play(secrets.words(run)) for _ in range(rounds)]


@pytest.mark.parametrize(("tau", "bit"), [(0, 1), (2, 1), (3, 0), (4, 0)])
def test_a_bit_stands_where_the_level_is_above_the_threshold_and_not_where_it_equals_it(start, tau, bit):
    run = start()
    _, spoken, decided, closing = play_all(run, Secrets(tau=(tau, 3), said=3))
    assert decided["client-0"].outcomes.tolist() == [[bit], [0]]
    assert decided["client-1"].outcomes.tolist() == [[0], [0]]
    assert spoken["client-0"].release.tolist() == [4, 0, 0, 0]
    assert closing["engine"].release.tolist() == [4, 0, 0, 0]


def test_levels_add_up_over_the_steps_with_what_clients_add_themselves(start):
    run, secrets, bits = start({"steps": 4}), Secrets(tau=(10, 100), said=2), []
    run.play(secrets.words(run))
    for step in range(4):
        run.play(secrets.words(run))
        own = {"client-0": np.array([step, 1], np.uint64), "client-1": np.zeros(2, np.uint64)}
        bits.append(int(run.play(own)["client-0"].outcomes[0, 0]))
    assert bits == [0, 0, 0, 1]  # 2, 5, 9 and 14 against 10


def test_nothing_is_opened_without_the_others_verdict(start, monkeypatch):
    run = start()
    run.play(Secrets().words(run))
    swap = MaskedRun._swap
    lost = lambda run, *sent: (None, None) if b"RangeVerdict" in sent[0].content else swap(run, *sent)  # noqa: E731
    monkeypatch.setattr(MaskedRun, "_swap", lost)
    with pytest.raises(RoundAhead, match="needs the other aggregator's verdict"):
        run.play(Secrets().words(run))
    assert all(each.ending for each in run.aggregators)


def furthest(run, number, *, first=True):
    """Return the words of a round with messages, and all numbers of one client, at the ends of their ranges."""
    plan, words = run.plan, {}
    for name in plan.names:
        checked = plan.shape(name, number).bits[: plan.count(name, number)].astype(np.uint64)
        words[name] = (np.uint64(1) << checked) - np.uint64(1)
        if number % 2:
            words[name][plan.layout.message_words :] = 0
            words[name][plan.layout.message_words] = plan.layout.size(name)
        elif (name == "client-0") != first:
            words[name][:] = 0
    return words


def test_the_furthest_levels_and_thresholds_that_ranges_allow_are_compared_over_the_whole_run(start):
    """Keys are as short as the bound of the run allows: no shorter."""
    run = start({"steps": 4})
    tau = furthest(run, 0)
    run.play(tau)
    level = np.zeros((2, 2), dtype=object)
    for number in (1, 3, 5, 7):
        spoken, own = furthest(run, number), furthest(run, number + 1, first=number < 5)
        run.play(spoken)
        told = run.play(own)
        for row, name in enumerate(run.plan.names):
            other, (start_, end) = spoken[run.plan.names[1 - row]], run.plan.layout.own[name]
            level[row] += other[start_:end].astype(object) + own[name].astype(object)
            expected = [[int(a > int(b))] for a, b in zip(level[row], tau[name], strict=True)]
            assert told[name].outcomes.tolist() == expected


@pytest.mark.parametrize("compared", ["keys"], indirect=True)
def test_an_offset_tells_no_bit_beyond_those_that_are_compared(start):
    """The key's own random number hides no further one: it would be that of what all pads come to."""
    asked = Recorder("aggregator-0")
    run = start({"steps": 4}, between=asked)
    play_all(run, Secrets(), rounds=7)
    answers = [each for each in asked.messages if b"ReleaseAnswer" in each.content]
    offsets = np.concatenate([from_bytes(run.dealer.read(each, ReleaseAnswer).offsets) for each in answers])
    assert run.plan.difference_bits < 40
    assert offsets.size == 12
    assert (offsets < 2 ** (run.plan.difference_bits + 1)).all()
    high = run.dealer.read(answers[0], ReleaseAnswer)
    wrong = msgspec.structs.replace(high, offsets=to_bytes(from_bytes(high.offsets) | np.uint64(2**57)))
    with pytest.raises(WireError, match="offsets is not in its canonical range"):
        NextComparison.of(run.plan, wrong, party=0)


def lie(run, name="client-0", word=0, value=1 << 20):
    """Return the round's words with one that is out of its range."""
    words = Secrets().words(run)
    words[name] = words[name].copy()
    words[name][word] = value
    return words


def test_a_client_out_of_range_is_left_out_for_good_and_the_others_go_on(start):
    run = start()
    run.play(Secrets().words(run))
    spoken = run.play(lie(run))
    assert set(spoken) == {"client-1", "engine"}
    assert spoken["client-1"].accepted == ("client-1",)
    assert spoken["client-1"].release.tolist() == [2, 0, 0, 0]
    words = {"client-1": np.zeros(2, np.uint64)}
    assert run.play(words)["client-1"].outcomes.tolist() == [[0], [0]]
    run.play(Secrets().words(run))  # it speaks again, and is not heard
    assert run.aggregators[0].members == ("client-1",)


@pytest.mark.parametrize(("word", "value"), [(0, 1), (2, 16), (4, 3), (5, 1), (7, 2**58 - 1), (2, 2**58 - 1)])
def test_each_word_of_a_step_has_its_range(start, word, value):
    """Own slots, messages, counts of stages, their sum, and numbers below zero."""
    run = start()
    run.play(Secrets().words(run))
    assert run.play(lie(run, word=word, value=value))["client-1"].accepted == ("client-1",)


@pytest.mark.parametrize(("number", "part"), [(1, "counts"), (1, "products"), (3, "share"), (3, "offsets")])
def test_what_the_dealer_deals_beyond_what_a_round_takes_is_refused(small, number, part):
    """Round 1 compares, and suppresses and multiplies nothing; round 3, the last, only opens."""

    def add(sender, receiver, message):
        if receiver != "aggregator-0" or b"ReleaseAnswer" not in message.content:
            return message
        answer = run.dealer.read(message, ReleaseAnswer)
        more = bytes(8) if part == "offsets" else (memoryview(bytes(8)),)
        changed = msgspec.structs.replace(answer, **{part: more})
        return run.signers["dealer"].send(changed) if answer.number == number else message

    run = MaskedRun.draw(small(), between=add).start()
    with pytest.raises(WireError, match=f"dealt {part}, which round {number} does not take"):
        play_all(run, Secrets())


def test_a_client_that_keeps_silent_is_left_out_for_good(start):
    run = start()
    words = Secrets().words(run)
    assert run.play({"client-1": words["client-1"]})["client-1"].accepted == ("client-1",)
    assert run.play(Secrets().words(run))["client-1"].accepted == ("client-1",)


def test_the_run_ends_where_fewer_clients_are_left_than_the_manifest_promises(start):
    run = start({"min_cohort": 2})
    run.play(Secrets().words(run))
    with pytest.raises(CohortTooSmall):
        run.play(lie(run))
    assert all(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))
    with pytest.raises(RunEnded):
        run.clients["client-1"].message(2, np.zeros(2, np.uint64))


def test_the_cohort_counts_in_a_decision_too(start):
    """The dealer is asked for no release there, so the aggregators alone see that too few are left."""
    run = start({"min_cohort": 2})
    for _ in range(2):
        run.play(Secrets().words(run))
    with pytest.raises(CohortTooSmall):
        run.play({name: np.full(2, 2**40, np.uint64) for name in run.plan.names})
    assert run.dealer.ending


def test_what_a_client_sends_twice_has_the_same_bytes_and_other_words_are_refused(start):
    """Two proofs under one pad differ by a function of the masks alone, of which the words can be read."""
    run = start()
    words = Secrets().words(run)["client-0"]
    first = run.clients["client-0"].message(0, words)
    assert run.clients["client-0"].message(0, words) == first
    with pytest.raises(ConflictingReplay):
        run.clients["client-0"].message(0, words + np.uint64(1))


def test_a_client_that_signs_two_contents_of_a_round_is_left_out(start):
    run = start()
    words = Secrets().words(run)
    client = run.clients["client-0"]
    one = client.message(0, words["client-0"])
    notice = run.aggregators[0].read(one, WordsNotice)
    other = client.signer.send(
        WordsNotice(run=notice.run, number=0, client="client-0", counter=1, d=to_bytes(notice.words(2) ^ np.uint64(1)))
    )
    run.aggregators[0].receive(one)
    run.aggregators[1].receive(other)
    run.hand("client-0", client.join())
    assert set(run.play({"client-1": words["client-1"]})) == {"client-1"}


def test_a_message_that_reached_one_aggregator_alone_counts(start):
    """Members are the union: one aggregator cannot drop a client by keeping silent of it."""
    run = start()
    words = Secrets().words(run)
    for name, client in run.clients.items():
        run.aggregators[0].receive(client.join())
        run.aggregators[name == "client-1"].receive(client.message(0, words[name]))
    assert set(run.finish()) == {"client-0", "client-1"}


def test_a_late_message_changes_nothing(start):
    run = start()
    words = Secrets().words(run)
    run.play({"client-1": words["client-1"]})
    run.hand("client-0", run.clients["client-0"].message(0, words["client-0"]))
    assert run.aggregators[0].members == ("client-1",)
    assert not run.aggregators[0].ending


def noised():
    given = {"sigma": 40.0, "times": 3, "epsilon": 1.0, "delta": 0.1}
    return Release(name="cells", mechanism="discrete-gaussian", unit="contribution", **given)


def test_noise_of_both_sides_stands_in_full_in_what_is_released(small):
    releases = Releases(each=(noised(), Release(name="tally")), rho=1e6)
    heard = Recorder("dealer", "aggregator-0")
    run = MaskedRun.draw(small(cells=(5, 5, 5), releases=releases), between=heard).start()
    run.play(Secrets().words(run))
    release = run.play(Secrets().words(run))["client-0"].release
    first, second = noise_of_both(run, heard, 1)
    assert first[:3].any()
    assert second[:3].any()
    np.testing.assert_array_equal(release, np.array([0, 0, 0, 4, 0, 0, 0]) + first + second)


def test_the_budget_is_charged_before_anything_is_opened(small):
    releases = Releases(each=(noised(), Release(name="tally")), rho=noised().rho(1))
    run = MaskedRun.draw(small(cells=(5,), releases=releases)).start()
    play_all(run, Secrets(), rounds=3)
    with pytest.raises(Exception, match="the run stops here"):
        run.play(Secrets().words(run))
    assert not any(name.startswith("question 3 Release") for name in run.dealer.journal._entries)


def test_the_dealer_is_sent_no_words_and_no_signature_over_words(start):
    asked = Recorder("dealer")
    run = start(between=asked)
    words = Secrets().words(run)
    sent = [run.clients[name].message(0, words[name]) for name in words]
    run.play(words)
    assert len(asked.messages) == 2
    for message in asked.messages:
        question = run.dealer.read(message, ProofQuestion)
        for client in sent:
            notice = run.aggregators[0].read(client, WordsNotice)
            for part in (client.signature, client.nonce, client.digest, notice.d, notice.e):
                assert len(part) < 8 or part not in message.content
        assert {each.client for each in question.clients} == set(words)


def test_what_an_aggregator_had_said_it_heard_it_waits_for_and_hears_nothing_else_when_it_is_back(small):
    run, secrets = MaskedRun.draw(small()).start(), Secrets()
    run.play(secrets.words(run))
    words = {name: run.clients[name].message(1, each) for name, each in secrets.words(run).items()}
    run.aggregators[0].receive(words["client-0"])
    offer = run.aggregators[0].propose()
    renew_server(run, "aggregator-0")
    party = run.aggregators[0]
    assert (party.has_offered, party.is_whole) == (True, False)
    for name in ("client-1", "client-0"):
        party.receive(words[name])
    assert party.is_whole
    assert party.propose() == offer
    assert [*party.offer()] == ["client-0"]
    party.receive(words["client-1"], handed=True)
    assert [*party.offer()] == ["client-0", "client-1"]
