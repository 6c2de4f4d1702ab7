"""A client that stops while a server is down ends the run for all, as one does that stops at any other time."""

import asyncio

import msgspec
import pytest

from client_sdk.masking.exchange import MaskedExchange
from protocols.errors import PartiesDisagree, RunEnded
from protocols.masking.messages import Stop, WordsNotice
from tests.conformance.masking.test_server_restarts import DECIDE, ONE, SOON, SPEAK, TWO, content_of, ended, play
from tests.masked_lies import LIES, Liar
from tests.masked_runs import Secrets, start_again


class Drops:
    """The liar tells one client that the run is over while the honest aggregator is down, and goes on with the rest."""

    def __init__(self, seconds):
        self.seconds, self.down, self.lies = seconds, None, 0

    async def __call__(self, servers, caller, callee, request, go_on):
        content = content_of(request)
        if isinstance(content, WordsNotice) and content.number == DECIDE and self.down is None:
            servers.end(ONE)
            self.down = asyncio.ensure_future(asyncio.sleep(self.seconds))
            self.down.add_done_callback(lambda _: servers.begin_again(ONE))
        if isinstance(content, WordsNotice) and (content.number, caller, callee) == (DECIDE, "client-0", TWO):
            self.lies += 1
            raise RunEnded("the run is over")
        if isinstance(content, Stop) and callee == TWO:
            return None
        return await go_on()


@pytest.mark.parametrize("world", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_client_that_stops_while_an_aggregator_is_down_is_not_dropped(world, small, tmp_path):
    """The run ends for all: the release before and the one after would differ by a client of the liar's choice."""
    given, liar = {"steps": 3, "min_cohort": 1, "join_timeout_s": 2.0, "round_timeout_s": 2.0}, Drops(5.5)
    told, servers, _ = play(small(**given), tmp_path / "run", liar, world=world)
    assert (liar.lies, [len(each) for each in told]) == (1, [3, 3])
    assert all(party.ending for party in (servers.run.aggregators[0], servers.run.dealer)), "somebody goes on"


class Stops:
    """A way to both aggregators by which a client tells that the run is over, and nothing else."""

    def __init__(self):
        self.told = []

    async def stop(self, envelope):
        self.told.append(envelope)


def test_a_client_that_is_started_again_does_not_forget_that_it_stopped(start):
    """It would come back, and an aggregator that lied to it would make it miss the step."""
    liar = Liar(LIES["an answer is turned by one bit"])
    run = liar.run = start(between=liar)
    for _ in range(DECIDE):
        run.play(Secrets().words(run))
    with pytest.raises(PartiesDisagree):
        run.play(Secrets().words(run))
    again, channel = start_again(run, "client-0"), Stops()
    assert again.ending == run.clients["client-0"].ending
    with pytest.raises(RunEnded, match=r"neither of the two|two bits of one agent"):
        asyncio.run(MaskedExchange(again, channel).join())
    assert [again.read(each, Stop).reason for each in channel.told] == [again.ending]


async def name_later(servers, caller, callee, request, go_on):
    """A client tells an honest aggregator that it is in a round that nobody has come to."""
    content = content_of(request)
    if isinstance(content, WordsNotice) and (content.number, caller, callee) == (SPEAK, "client-0", ONE):
        lie = servers.run.clients[caller].signer.send(msgspec.structs.replace(content, number=SPEAK + 2))
        return await servers.call(callee, caller, lie)
    return await go_on()


def test_a_client_that_names_a_later_round_is_named_where_the_run_ends(small, tmp_path):
    """Its aggregator cannot tell the lie from a store of its own that was put back; its ledger says both."""
    _, servers, _ = play(small(steps=2, **SOON), tmp_path / "run", name_later)
    written = servers.ledger_of(ONE).decode()
    assert "client-0 says that it is in round 3, and this aggregator is in round 1" in written
    assert "either its store was put back, or the client lies" in written
    assert all(ended(servers))
