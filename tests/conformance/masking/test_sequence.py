"""How many messages between servers come one after the other in a step: a clock that moves by messages alone counts."""

import asyncio
import selectors

import pytest

from lpm_secure.testbed.masked_parties import start_parties
from lpm_secure.testbed.masked_run import MaskedRun
from tests.conformance.masking.test_servers import DEALER, ONE, TWO, take_part, through
from tests.masked_runs import Secrets

SERVERS = (ONE, TWO, DEALER)
PATIENCE = {"join_timeout_s": 1e6, "round_timeout_s": 1e6}


class MessageClock(asyncio.SelectorEventLoop):
    """A loop whose time stands still while anything can be done, and then moves to what is waited for next."""

    def __init__(self):
        super().__init__(selectors.DefaultSelector())
        self.now, self.threads, select = 0.0, 0, self._selector.select

        def wait(timeout=None):
            if timeout and not self.threads:
                self.now += timeout
            return select(None if self.threads and timeout != 0 else 0)

        self._selector.select = wait

    def time(self):
        return self.now

    def run_in_executor(self, executor, function, *args):
        self.threads += 1
        future = super().run_in_executor(executor, function, *args)
        future.add_done_callback(lambda done: setattr(self, "threads", self.threads - 1))
        return future


async def at_a_distance(caller, callee, request, go_on):
    """Let a message between servers take one unit of time, and its answer another."""
    far = caller in SERVERS and callee in SERVERS
    await asyncio.sleep(far)
    reply = await go_on()
    await asyncio.sleep(far)
    return reply


def count(manifest, steps):
    """Return how many messages come one after the other from the end of one step to that of the next."""
    run, secrets, ends = MaskedRun.draw(manifest), Secrets(), []

    async def play():
        with start_parties(run, around=through(at_a_distance)) as parties:
            loop = asyncio.get_running_loop()
            seen = lambda number: ends.append(loop.time())  # noqa: E731 - told before each round
            clients = [take_part(parties, "client-0", secrets, 2 * steps + 2, seen)]
            clients += [take_part(parties, "client-1", secrets, 2 * steps + 2)]
            for found in await asyncio.gather(*clients):
                assert len(found) == 2 * steps + 2, found

    with asyncio.Runner(loop_factory=MessageClock) as runner:
        runner.run(play())
    return [round(ends[2 * step + 3] - ends[2 * step + 1]) for step in range(steps)]


@pytest.mark.parametrize("compared", ["keys"], indirect=True)
@pytest.mark.parametrize(("changes", "most"), [({}, 6), ({"min_count": 2}, 10), ({"comparison": "tree"}, 14)])
def test_a_step_takes_so_many_messages_one_after_the_other(small, changes, most):
    counts = count(small(steps=3, **PATIENCE, **changes), 3)
    print(f"messages one after the other, by step: {counts}")
    assert max(counts) <= most
