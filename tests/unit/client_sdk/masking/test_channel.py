"""How a client joins both aggregators of an active run: what one of them says alone drops nobody unseen."""

import asyncio

import pytest

from client_sdk.masking.channel import ServerChannel
from protocols.errors import PartiesDisagree, RoundClosed, Unavailable
from protocols.identity.signing import new_key
from protocols.masking.envelope import Signer
from protocols.masking.messages import Stop
from protocols.task.manifest import run_id
from protocols.task.timeouts import patience_s
from protocols.wire.messages import JoinReply
from protocols.wire.transport import Transport


class Says(Transport):
    """An aggregator with these answers, of which the last one stays."""

    def __init__(self, *answers):
        self._answers = list(answers)

    async def call(self, request, *, timeout_s):
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return JoinReply(answer)


class Moves(Transport):
    """An honest aggregator of a run whose steps end quickly, over a slow or a quick way."""

    def __init__(self, clock, way_s):
        self._clock, self._way_s = clock, way_s

    async def call(self, request, *, timeout_s):
        await asyncio.sleep(self._way_s)
        return JoinReply(int((asyncio.get_running_loop().time() - self._clock) / 0.02))


def join(manifest_of, *answers):
    manifest = manifest_of(mode="outcome", k=2, security="active")
    return asyncio.run(ServerChannel(run_id(manifest), manifest, [Says(each) for each in answers]).join())


def test_a_client_comes_with_the_first_step_that_has_begun_at_neither(manifest_of):
    assert join(manifest_of, 2, 3) == join(manifest_of, 3, 3) == 3


def test_an_aggregator_that_is_asked_once_more_drops_nobody_unseen(manifest_of):
    manifest = manifest_of(mode="outcome", k=2, security="active")
    channel = ServerChannel(run_id(manifest), manifest, [Says(5), Says(1, RoundClosed("late"))])
    with pytest.raises(PartiesDisagree):
        asyncio.run(channel.join())


def test_an_aggregator_that_is_asked_once_more_makes_nobody_wait_for_a_later_step(manifest_of):
    """A client that came back took part no longer, and nobody else was told."""
    manifest = manifest_of(mode="outcome", k=2, security="active")
    channel = ServerChannel(run_id(manifest), manifest, [Says(5), Says(1, 1000)])
    with pytest.raises(PartiesDisagree):
        asyncio.run(channel.join())


@pytest.mark.parametrize("ways", [(0.0, 0.2), (0.2, 0.0)])
def test_honest_aggregators_are_not_called_liars_because_the_way_to_one_is_slow(ways, manifest_of):
    """The run ended for all: steps ended while one answer was under way."""
    manifest = manifest_of(mode="outcome", k=2, security="active")

    async def act():
        clock = asyncio.get_running_loop().time()
        return await ServerChannel(run_id(manifest), manifest, [Moves(clock, way_s) for way_s in ways]).join()

    assert asyncio.run(act()) >= 10


@pytest.mark.parametrize("answers", [(3, 5), (7, 1), (3, RoundClosed("late")), (RoundClosed("late"), 0)])
def test_what_one_aggregator_says_alone_ends_the_run_for_all(manifest_of, answers):
    with pytest.raises(PartiesDisagree):
        join(manifest_of, *answers)


def test_a_client_that_comes_too_late_for_both_is_told_so(manifest_of):
    with pytest.raises(RoundClosed):
        join(manifest_of, RoundClosed("late"), RoundClosed("late"))


class Notes(Transport):
    """An aggregator that is down, and notes how long a call would wait for it."""

    def __init__(self):
        self.waits = []

    async def call(self, request, *, timeout_s):
        self.waits.append(timeout_s)
        raise Unavailable("down")


def test_a_server_that_is_down_is_told_of_a_stop_as_long_as_any_client_waits_for_it(manifest_of):
    """Another client begins to wait up to a deadline later, and does so for a round's patience."""
    manifest, servers = manifest_of(mode="outcome", k=2, security="active", round_timeout_s=7.0), [Notes(), Notes()]
    stop = Signer.draw("client-0", new_key()).send(Stop(run=run_id(manifest), number=0, reason="a lie"))
    asyncio.run(ServerChannel(run_id(manifest), manifest, servers).stop(stop))
    assert [each.waits for each in servers] == [[patience_s(manifest, 1) + 7.0]] * 2
