"""Clients that come back to a masked run: bits of before, and attacks that end alike whatever the secrets are.

A run of three steps, of whose client-0 the process ends when it has spoken in step 0; it comes back in step 1.
"""

from collections import Counter

import numpy as np
import pytest

from protocols.errors import LpmError, RecordsDiffer
from protocols.masking.journal import MemoryJournal
from protocols.masking.messages import AttendanceNotice, ProofQuestion
from tests.conformance.masking.test_attacks import BITS, WORLDS, forge
from tests.masked_lies import Liar, few, replace, when
from tests.masked_runs import Secrets, come_back, start_again

SPEAK, DECIDE = 3, 4  # of the step in which it comes back
STEPS = {"steps": 3}


def until_it_is_away(run, secrets):
    """Play the first step, of which client-0 misses the decision."""
    for _ in range(2):
        run.play(secrets.words(run))
    run.play({"client-1": secrets.words(run)["client-1"]})
    assert run.aggregators[0].members == ("client-1",)


def bits_of(readings):
    return readings["client-0"].outcomes[:, 0].tolist()


@pytest.mark.parametrize("world", range(3))
def test_a_client_that_comes_back_hears_what_others_told_meanwhile(world, start):
    run, secrets = start(STEPS), Secrets(**WORLDS[world])
    until_it_is_away(run, secrets)
    come_back(run, start_again(run, "client-0"))
    spoken = run.play(secrets.words(run))
    assert spoken["client-0"].release.tolist() == spoken["client-1"].release.tolist()
    assert spoken["client-0"].accepted == ("client-0", "client-1")
    assert bits_of(run.play(secrets.words(run))) == BITS[world]
    run.play(secrets.words(run))
    assert set(run.play(secrets.words(run))) == {"client-0", "client-1"}


@pytest.mark.parametrize("world", [0, 1])
def test_a_client_that_was_away_and_comes_with_the_seed_of_before_is_not_heard(world, start):
    run, secrets = start(STEPS), Secrets(**WORLDS[world])
    until_it_is_away(run, secrets)
    assert set(run.play(secrets.words(run))) == {"client-1", "engine"}


def test_own_levels_that_grew_while_a_client_was_away_are_told_in_the_range_of_so_many_steps(start):
    for most, accepted in ((2 * 255, ("client-0", "client-1")), (1 << 20, ("client-1",))):
        run = start(STEPS | {"max_message": 100})
        until_it_is_away(run, Secrets(tau=(300, 300), said=3))
        come_back(run, start_again(run, "client-0"))
        run.play(Secrets().words(run))
        told = run.play({"client-0": np.array([most, 0], np.uint64), "client-1": np.zeros(2, np.uint64)})
        assert told["client-1"].accepted == accepted
        if "client-0" in told:
            assert bits_of(told) == [1, 0]


def test_seeds_of_two_starts_have_nothing_in_common(start):
    run = start(STEPS)
    until_it_is_away(run, Secrets())
    clients = [start_again(run, "client-0") for _ in range(3)]
    counters = [each.seed.source.counter for each in clients]
    assert len(set(counters)) == 3
    assert not np.isin(*(each.seed.source.pads(SPEAK, 100) for each in clients[:2])).any()


def of_seeds(change):
    """Return a change of the seeds that the liar hands the dealer."""
    return lambda liar, message: replace(message, seeds=change(liar, message))


def first_seed(liar, message):
    return (liar.run.signers["client-0"].send(liar.first),)


def forged_seed(liar, message):
    return (forge(liar.run, liar.run.clients["client-0"].seed.notice),)


def of_another_round(liar, message):
    """Hand on a seed that its client signed for the step after: it has come too early."""
    return (liar.run.signers["client-0"].send(replace(liar.run.clients["client-0"].seed.notice, number=SPEAK + 2)),)


def in_anothers_name(liar, message):
    return (liar.run.signers["client-1"].send(liar.run.clients["client-0"].seed.notice),)


def of_a_lower_counter(liar, message):
    clients = (replace(message.clients[0], counter=1), *message.clients[1:])
    return replace(message, clients=clients)


def late(liar, message):
    """Hand the seed on to the dealer with the next question."""
    return (liar.run.signers["client-0"].send(liar.run.clients["client-0"].seed.notice),)


LIES = {
    "a seed of before is handed on": when(ProofQuestion, SPEAK, of_seeds(first_seed)),
    "a seed is kept back from the dealer": when(ProofQuestion, SPEAK, of_seeds(lambda liar, message: ())),
    "a forged seed is handed on": when(ProofQuestion, SPEAK, of_seeds(forged_seed)),
    "a seed for another round is handed on": when(ProofQuestion, SPEAK, of_seeds(of_another_round)),
    "a seed is handed on in another name": when(ProofQuestion, SPEAK, of_seeds(in_anothers_name)),
    "a seed is handed on twice": when(ProofQuestion, SPEAK, of_seeds(lambda liar, message: message.seeds * 2)),
    "a seed is handed on again in the middle of a step": when(ProofQuestion, DECIDE, of_seeds(late)),
    "a seed is handed on again in the next step": when(ProofQuestion, SPEAK + 2, of_seeds(late)),
    "a question names the seed of before": when(ProofQuestion, SPEAK, of_a_lower_counter),
    "a client that comes back is not asked for": when(
        ProofQuestion, SPEAK, lambda liar, message: replace(message, clients=message.clients[1:], seeds=())
    ),
    "a round is said to have counted that did not": when(
        AttendanceNotice, SPEAK, lambda liar, message: replace(message, counted=(*message.counted, (2, bytes(32))))
    ),
    "a round is said not to have counted that did": when(
        AttendanceNotice, SPEAK, lambda liar, message: replace(message, counted=message.counted[:1])
    ),
    "other words of a round are said to have counted": when(
        AttendanceNotice, SPEAK, lambda liar, message: replace(message, counted=((0, bytes(32)), *message.counted[1:]))
    ),
    "public numbers are told that were none": when(
        AttendanceNotice, SPEAK, lambda liar, message: replace(message, public=bytes(8))
    ),
}


def ending(start, lie, world):
    """Return how a run ends for an onlooker."""
    liar = Liar(lie)
    run = start(STEPS, between=liar)
    liar.first, secrets = run.clients["client-0"].seed.notice, Secrets(**WORLDS[world])
    try:
        until_it_is_away(run, secrets)
        liar.run = run
        come_back(run, start_again(run, "client-0"))
        for _ in range(4):
            readings = run.play(secrets.words(run))
            if run.aggregators[0].number == DECIDE + 1:
                assert bits_of(readings) == BITS[world], "a client took a wrong bit for right"
    except LpmError as error:
        assert all(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values())), "somebody goes on"
        return run.aggregators[0].number, type(error).__name__, str(error)
    return "goes on"


QUICK = ("a seed of before is handed on", "a forged seed is handed on", "a round is said not to have counted that did")


def test_the_lies_are_as_many_as_the_page_on_active_security_says():
    assert len(LIES) == 14


@pytest.mark.parametrize("lie", few(LIES, *QUICK))
def test_a_lie_about_a_client_that_comes_back_ends_the_run_alike_in_all_worlds(lie, start):
    counts = [Counter(ending(start, LIES[lie], world) for _ in range(3)) for world in range(3)]
    assert counts[0] == counts[1] == counts[2]
    assert "goes on" not in counts[0]


@pytest.mark.parametrize("world", [0, 1])
def test_a_seed_that_the_liar_keeps_from_the_other_aggregator_or_forges_or_sends_again_changes_nothing(world, start):
    """Clients send to both, forged seeds are nobody's, and one of another round is of no use."""
    run, secrets = start(STEPS), Secrets(**WORLDS[world])
    until_it_is_away(run, secrets)
    before = run.clients["client-0"].seed.notice
    client = start_again(run, "client-0")
    come_back(run, client)
    for each in run.aggregators:
        each.receive(forge(run, replace(client.seed.notice, sealed=bytes(32))))
        each.receive(client.signer.send(before))
    assert bits_of([run.play(secrets.words(run)) for _ in range(2)][1]) == BITS[world]
    for each in run.aggregators:
        each.receive(client.join())  # once more, for a round that is over
    assert not run.aggregators[0]._seeds.envelopes
    assert set(run.play(secrets.words(run))) == {"client-0", "client-1", "engine"}


@pytest.mark.parametrize("world", [0, 1])
def test_a_seed_in_the_middle_of_a_step_changes_nothing(world, start):
    """A second seed in a step would let a client ask of its levels twice."""
    run, secrets = start(STEPS), Secrets(**WORLDS[world])
    until_it_is_away(run, secrets)
    come_back(run, start_again(run, "client-0"))
    run.play(secrets.words(run))
    again = start_again(run, "client-0")
    again.renew(DECIDE)
    run.hand("client-0", again.join())
    run.hand("client-0", again.message(DECIDE, secrets.words(run)["client-0"]))
    assert set(run.play({"client-1": secrets.words(run)["client-1"]})) == {"client-1"}


@pytest.mark.parametrize("world", [0, 1])
def test_a_folder_that_is_put_back_is_found_out_and_its_first_owner_goes_on(world, start):
    run, secrets = start(STEPS), Secrets(**WORLDS[world])
    run.play(secrets.words(run))
    copy = MemoryJournal(run.clients["client-0"].journal._entries)
    for _ in range(2):
        run.play(secrets.words(run))
    with pytest.raises(RecordsDiffer, match="was put back, or a copy"):
        come_back(run, start_again(run, "client-0", journal=copy))
    assert set(run.play(secrets.words(run))) == {"client-0", "client-1", "engine"}
    assert bits_of(run.play(secrets.words(run))) == BITS[world]


@pytest.mark.parametrize("lost", [1, 2])
def test_a_client_whose_journal_lacks_a_message_that_counted_sits_the_run_out(lost, start):
    """The last one too: another copy of its folder may have sent that."""
    run, secrets = start(STEPS), Secrets(**WORLDS[0])
    for _ in range(3):
        run.play(secrets.words(run))
    entries = dict(run.clients["client-0"].journal._entries)
    del entries[f"words {lost}"]
    with pytest.raises(RecordsDiffer, match="was put back, or a copy"):
        come_back(run, start_again(run, "client-0", journal=MemoryJournal(entries)))


@pytest.mark.parametrize("world", [0, 1])
def test_two_copies_that_come_back_at_once_are_left_out_and_no_pad_serves_both(world, start):
    """Each has drawn a seed of the same counter: two contents of a client are none."""
    run, secrets = start(STEPS), Secrets(**WORLDS[world])
    until_it_is_away(run, secrets)
    copy = MemoryJournal(run.clients["client-0"].journal._entries)
    clients = start_again(run, "client-0", journal=copy), start_again(run, "client-0")
    sent = []
    for client in clients:
        come_back(run, client)
        sent.append(client.message(SPEAK, secrets.words(run)["client-0"]))
        run.hand("client-0", sent[-1])
    assert clients[0].seed.source.counter == clients[1].seed.source.counter
    assert sent[0].content != sent[1].content
    assert set(run.play({"client-1": secrets.words(run)["client-1"]})) == {"client-1", "engine"}
    run.play({"client-1": secrets.words(run)["client-1"]})
    come_back(run, start_again(run, "client-0"))  # one of them alone
    assert set(run.play(secrets.words(run))) == {"client-0", "client-1", "engine"}


@pytest.mark.parametrize("world", [0, 1])
def test_a_copy_whose_words_came_late_does_not_take_those_that_counted_for_its_own(world, start):
    """Its journal has words of that round too; it would go on from levels that are another one's."""
    run, secrets = start(STEPS), Secrets(**WORLDS[world])
    until_it_is_away(run, secrets)
    late = start_again(run, "client-0", journal=MemoryJournal(run.clients["client-0"].journal._entries))
    come_back(run, start_again(run, "client-0"))
    counted = secrets.words(run)
    late.message(SPEAK, counted["client-0"])  # is on its way when the round closes
    run.play(counted)
    run.play({"client-1": secrets.words(run)["client-1"]})
    with pytest.raises(RecordsDiffer, match="was put back, or a copy"):
        come_back(run, late)
    assert set(run.play({"client-1": secrets.words(run)["client-1"]})) == {"client-1", "engine"}


def test_who_left_its_ranges_or_told_no_thresholds_does_not_come_back(start):
    run = start(STEPS)
    words = Secrets().words(run)
    run.play({"client-1": words["client-1"]})
    assert run.aggregators[0].attend("client-0", 1) is None
    run = start(STEPS)
    run.play(Secrets().words(run))
    wrong = Secrets().words(run)
    wrong["client-0"] = wrong["client-0"] + np.uint64(1 << 20)
    run.play(wrong)
    run.play(Secrets().words(run))
    assert [each.attend("client-0", SPEAK) for each in run.aggregators] == [None, None]


@pytest.mark.parametrize("world", [0, 1])
@pytest.mark.parametrize("saved", [0, 1])
def test_a_dealer_whose_store_is_put_back_ends_the_run_for_all(saved, world, start):
    """To before the run, or to an earlier round; what it has answered since, it answers nobody again."""
    run, secrets = start(STEPS), Secrets(**WORLDS[world])
    journals = [MemoryJournal()]
    for _ in range(2):
        run.play(secrets.words(run))
        journals.append(MemoryJournal(run.dealer.journal._entries))

    def restore():
        given = run.plan, run.dealer.signer, run.dealer.keys, journals[saved]
        run.dealer = type(run.dealer)(*given, sealing=run.dealer.sealing)
        run.play(secrets.words(run))

    with pytest.raises(LpmError, match="out of its turn"):
        restore()
    assert all(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))


def test_a_seed_that_reached_one_aggregator_alone_counts(start):
    """Seeds are the union, as words are: one aggregator cannot keep a client from coming back."""
    run = start(STEPS)
    until_it_is_away(run, Secrets())
    client = start_again(run, "client-0")
    client.renew(SPEAK)
    client.attend(SPEAK, tuple(each.attend("client-0", SPEAK) for each in run.aggregators))
    run.clients["client-0"] = client
    run.aggregators[0].receive(client.join())
    assert set(run.play(Secrets().words(run))) == {"client-0", "client-1", "engine"}
