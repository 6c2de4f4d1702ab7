"""How a client joins both aggregators of an active run: what one of them says alone drops nobody unseen."""

import asyncio

import pytest

from client_sdk.masking.channel import ServerChannel
from protocols.errors import PartiesDisagree, RoundClosed
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
    return asyncio.run(ServerChannel(manifest, [Says(each) for each in answers]).join())


def test_a_client_comes_with_the_first_step_that_has_begun_at_neither(manifest_of):
    assert join(manifest_of, 2, 3) == join(manifest_of, 3, 3) == 3


@pytest.mark.parametrize("answers", [(3, 5), (7, 1), (3, RoundClosed("late")), (RoundClosed("late"), 0)])
def test_what_one_aggregator_says_alone_ends_the_run_for_all(manifest_of, answers):
    with pytest.raises(PartiesDisagree):
        join(manifest_of, *answers)


def test_a_client_that_comes_too_late_for_both_is_told_so(manifest_of):
    with pytest.raises(RoundClosed):
        join(manifest_of, RoundClosed("late"), RoundClosed("late"))
