"""A client's rounds: what it tells of its own levels in a decision, and what it has where no server answers."""

import asyncio

import numpy as np
import pytest

from client_sdk.masking.exchange import MaskedExchange
from client_sdk.masking.masking_client import MaskingClient
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import AnswerLost, RoundClosed, RunEnded
from protocols.masking.journal import MemoryJournal
from protocols.task.rounds import Phase
from tests.masked_runs import come_back, start_again


@pytest.fixture
def run(manifest_of, seir):
    model = seir(beta=(1,), f=1, waning=(2**31, 2**31))
    return MaskedRun.draw(manifest_of(((1, 2), (3, 4)), mode="outcome", model=model)).start()


@pytest.fixture
def exchange(run):
    return MaskedExchange(run.clients["client-0"], channel=None)


def test_a_level_is_told_as_its_growth_and_in_full_where_it_began_anew(exchange):
    first = np.array([[5, 9, 0], [7, 9, 0]], np.uint64)
    second = np.array([[8, 9, 0], [3, 9, 1]], np.uint64)
    assert exchange._growth(first.reshape(-1)).tolist() == first.reshape(-1).tolist()
    exchange._told = exchange._levels(first.reshape(-1))
    assert exchange._growth(second.reshape(-1)).tolist() == [3, 9, 0, 3, 9, 1]


def again(client):
    """Return a client's rounds in another process, which has the journal of the first."""
    journal = MemoryJournal(client.journal._entries)
    return MaskedExchange(MaskingClient(client.plan, client.signer, client.keys, journal, dealer=client.dealer), None)


def test_where_no_server_answers_a_client_takes_from_its_journal_what_it_was_told(run):
    plan, words = run.plan, np.zeros
    for number in (0, 1):
        own = {name: words(plan.count(name, number), np.uint64) for name in plan.names}
        for name, tally in own.items() if number else ():
            tally[plan.layout.message_words + plan.layout.cells] = plan.layout.size(name)  # everybody is susceptible
        told = run.play(own, words(plan.announcement_words(number), np.int64) if plan.announces(number) else None)
    alone = again(run.clients["client-0"])
    alone.leave()
    assert asyncio.run(alone.join()) == 0
    thresholds = words(plan.count("client-0", 0), np.uint64)
    assert not asyncio.run(alone.round(thresholds, step=0, phase=Phase.THRESHOLDS)).own.size
    answer = asyncio.run(alone.round(own["client-0"], step=0))
    assert answer.release.tolist() == told["client-0"].release.tolist()
    with pytest.raises(RoundClosed, match="away in step 0"):
        asyncio.run(alone.round(words(plan.count("client-0", 2), np.uint64), step=0, phase=Phase.DECIDE))
    assert asyncio.run(alone.recall(1, 3)) == [{}, {}]


def test_where_no_server_answers_a_client_knows_of_what_it_told_where_the_answer_was_lost(run):
    """Or it would tell its level in full, and take its own journal for another one's."""
    plan, name, told = run.plan, "client-0", {2: 5, 4: 3}  # a level of 5, and of 8

    def play(number):
        own = {each: np.zeros(plan.count(each, number), np.uint64) for each in plan.names}
        for each, tally in own.items() if plan.opens(number) else ():
            tally[plan.layout.message_words + plan.layout.cells] = plan.layout.size(each)
        own[name][0] = told.get(number, own[name][0])
        run.play(own, np.zeros(plan.announcement_words(number), np.int64) if plan.announces(number) else None)

    for number in range(3):
        play(number)
    entries = dict(run.clients[name].journal._entries)
    del entries["answer 2"]
    come_back(run, start_again(run, name, journal=MemoryJournal(entries)))
    for number in (3, 4):
        play(number)
    alone = again(run.clients[name])
    alone.leave()
    asyncio.run(alone.join())
    level = np.zeros(plan.count(name, 2), np.uint64)
    level[0] = 5
    with pytest.raises(AnswerLost):
        asyncio.run(alone.round(level, step=0, phase=Phase.DECIDE))
    level[0] = 8
    assert asyncio.run(alone.round(level, step=1, phase=Phase.DECIDE)).own.size


def test_a_client_that_had_stopped_takes_nothing_from_its_journal(run):
    run.clients["client-0"].abandon("it lost patience")
    with pytest.raises(RunEnded, match="lost patience"):
        again(run.clients["client-0"]).leave()
