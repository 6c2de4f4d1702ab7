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
    """An aggregator with one answer."""

    def __init__(self, answer):
        self._answer = answer

    async def call(self, request, *, timeout_s):
        if isinstance(self._answer, Exception):
            raise self._answer
        return JoinReply(self._answer)


def join(manifest_of, *answers):
    manifest = manifest_of(mode="outcome", k=2, security="active")
    return asyncio.run(ServerChannel(run_id(manifest), manifest, [Says(each) for each in answers]).join())


def test_a_client_comes_with_the_first_step_that_has_begun_at_neither(manifest_of):
    assert join(manifest_of, 2, 3) == join(manifest_of, 3, 3) == 3


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
