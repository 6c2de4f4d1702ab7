"""A run that is over leaves no key on a server's disk, however it has ended, and a restart finds that it is over."""

import asyncio

import pytest

from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import RunEnded
from protocols.masking.journal import BEGIN, END
from protocols.masking.messages import Closing
from tests.conformance.masking.test_server_restarts import DECIDE, TIMES, Turncoat, replace, take_part
from tests.masked_restarts import SERVERS, Ends, Servers
from tests.masked_runs import Secrets

ONE, TWO, _ = SERVERS


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
        with pytest.raises(RunEnded, match="heard different messages" if lies else "come to its end"):
            await servers.call(ONE, TWO, run.aggregators[1].come_back())
        servers.stop()

    asyncio.run(play())
