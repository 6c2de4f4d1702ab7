"""A run that is over leaves no key on a server's disk, however it has ended, and a restart finds that it is over."""

import asyncio
import datetime

import msgspec
import pytest

from lpm_secure.testbed.keys import pin_keys
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import RunEnded, RunExpired
from protocols.foreign_text import LONGEST
from protocols.masking.journal import BEGIN, END
from protocols.masking.messages import Closing, Stop, WordsNotice
from protocols.masking.party import MaskingParty
from tests.conformance.masking.test_server_restarts import DECIDE, TIMES, Turncoat, content_of, replace, take_part
from tests.masked_restarts import SERVERS, Ends, Servers
from tests.masked_runs import Secrets

ONE, TWO, _ = SERVERS
BEGIN_OF, END_OF = (datetime.datetime(2001, 1, day, tzinfo=datetime.UTC) for day in (1, 2))
OVER = {"not_before": BEGIN_OF, "not_after": END_OF}


async def everybody(run, folder, act):
    servers = Servers(run, folder)
    servers.act = lambda *given: act(servers, *given)
    clients = [take_part(servers.parties, name, Secrets()) for name in run.plan.names]
    told = await asyncio.wait_for(asyncio.gather(*clients), 30.0)
    for _ in range(200):
        await asyncio.sleep(0.02)
        if all(is_forgotten(party) for party in run.aggregators):
            break
    return told, servers


def is_forgotten(party):
    return party.journal._entries.keys() == {BEGIN, END} and not party.journal.checkpoint


@pytest.mark.parametrize("lies", [False, True])
def test_an_aggregator_forgets_a_run_that_is_over_and_knows_so_when_it_is_started_again(
    lies, small, tmp_path, monkeypatch
):
    monkeypatch.setattr("aggregator.masking.service.rounds.patience_s", lambda *_: 0.05)
    liar = Turncoat(Closing, DECIDE, replace(digest=bytes(32)))

    async def play():
        run = MaskedRun.draw(small(steps=2, **TIMES))
        told, servers = await everybody(run, tmp_path, liar if lies else Ends())
        assert [len(each) for each in told] == ([3, 3] if lies else [6, 6])
        assert all(is_forgotten(party) for party in run.aggregators)
        ledger = servers.ledger_of(ONE)
        servers.restart(ONE)
        assert servers.ledger_of(ONE) == ledger
        reason = "came out of its turn" if run.plan.opens_bits else "heard different messages"
        with pytest.raises(RunEnded, match=reason if lies else "come to its end"):
            await servers.call(ONE, TWO, run.aggregators[1].come_back())
        servers.stop()

    asyncio.run(play())


def test_a_stop_that_comes_when_all_rounds_are_over_is_no_end_of_one_in_the_ledger(small, tmp_path, monkeypatch):
    """An audit would say of a run that has come to its end that a round of it did not close."""
    monkeypatch.setattr("aggregator.masking.service.rounds.patience_s", lambda *_: 20.0)

    async def play():
        run = MaskedRun.draw(small(steps=2, **TIMES))
        servers = Servers(run, tmp_path)
        clients = [take_part(servers.parties, name, Secrets()) for name in run.plan.names]
        await asyncio.wait_for(asyncio.gather(*clients), 30.0)
        ledger, stopping = servers.ledger_of(ONE), run.clients["client-0"]
        stopping.abandon("late")
        await servers.call(ONE, "client-0", stopping.stop())
        assert "late" in run.aggregators[0].ending
        assert servers.ledger_of(ONE) == ledger
        servers.stop()

    asyncio.run(play())


def test_why_another_party_stops_is_a_line_of_bounded_length_for_everybody(small, tmp_path):
    """It stands in ledgers, which an audit reads up to a bound, and in errors, which others' terminals show."""

    async def play():
        run = MaskedRun.draw(small(steps=2, **TIMES))
        servers = Servers(run, tmp_path)
        stopping = run.clients["client-0"]
        stop = Stop(run=run.plan.run, number=0, reason="\x1b[2Jnot\nthis\u202e" + 10**6 * "x")
        await servers.call(ONE, "client-0", stopping.signer.send(stop))
        await asyncio.sleep(0.1)
        servers.stop()
        return servers.ledger_of(ONE), [party.ending for party in (*run.aggregators, run.dealer)]

    ledger, endings = asyncio.run(play())
    assert len(ledger) < 10_000
    for ending in endings:
        assert ending.isprintable()
        assert "client-0 has stopped:  [2Jnot this xxx" in ending
        assert len(ending) <= LONGEST


def test_an_aggregator_whose_disk_takes_no_more_tells_everybody_that_the_run_is_over(small, tmp_path, monkeypatch):
    """Neither its journal nor its ledger takes why; who waits is told all the same."""

    def full(*given, **named):
        raise OSError(28, "No space left on device")

    async def play():
        run = MaskedRun.draw(small(steps=2, **TIMES))
        servers = Servers(run, tmp_path)
        clients = [asyncio.ensure_future(take_part(servers.parties, name, Secrets())) for name in run.plan.names]

        async def act(caller, callee, request, go_on):
            content = content_of(request)
            if isinstance(content, WordsNotice) and content.number == DECIDE:
                journal, ledger = run.aggregators[0].journal, servers._servers[ONE].process._ledger
                monkeypatch.setattr(journal, "_save", full)
                monkeypatch.setattr(ledger, "_append", full)
            return await go_on()

        servers.act = act
        told = await asyncio.wait_for(asyncio.gather(*clients), 30.0)
        await asyncio.sleep(0.1)
        servers.stop()
        return told, [party.ending for party in (*run.aggregators, run.dealer)]

    told, endings = asyncio.run(play())
    assert all(isinstance(each[-1], str) for each in told)
    assert all("aggregator-0 has stopped" in each for each in endings[1:])


@pytest.mark.parametrize("late", ["aggregator-0", "dealer", "client-0"])
def test_a_run_whose_time_is_over_in_the_middle_ends_for_all_by_whoevers_clock_says_so_first(
    late, small, tmp_path, monkeypatch
):
    manifest = pin_keys(small(steps=2, round_timeout_s=0.5, join_timeout_s=20.0))[0]
    after, now = [], MaskingParty.require_current

    def require_current(party):
        if party.signer.name == late and after:
            msgspec.structs.replace(manifest.trust, **OVER).require_current()
        now(party)

    async def act(servers, caller, callee, request, go_on):
        content = content_of(request)
        if isinstance(content, WordsNotice) and content.number == DECIDE:
            after.append(1)
        return await go_on()

    monkeypatch.setattr(MaskingParty, "require_current", require_current)

    async def play():
        run = MaskedRun.draw(manifest)
        servers = Servers(run, tmp_path)
        servers.act = lambda *given: act(servers, *given)
        told = [take_part(servers.parties, name, Secrets()) for name in run.plan.names]
        told = await asyncio.wait_for(asyncio.gather(*told), 30.0)
        await asyncio.sleep(0.1)
        servers.stop()
        return told, [party.ending for party in (*run.aggregators, run.dealer)]

    told, endings = asyncio.run(play())
    assert all(isinstance(each[-1], str) for each in told)
    assert all("expired at 2001-01-02" in ending for ending in endings)


def test_the_time_of_a_run_is_looked_at_in_each_step_of_the_protocol(small):
    manifest = pin_keys(small())[0]
    run = MaskedRun.draw(msgspec.structs.replace(manifest, trust=msgspec.structs.replace(manifest.trust, **OVER)))
    for step in (run.aggregators[0].commit, run.aggregators[1].offer, run.aggregators[0].close):
        with pytest.raises(RunEnded, match="expired"):
            step()
    with pytest.raises(RunExpired, match="expired"):
        run.clients["client-0"].message(0, Secrets().words(run)["client-0"])
