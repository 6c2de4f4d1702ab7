"""Work that awaits is done where a loop runs, and where none does."""

import asyncio
import signal
import threading

import pytest

from lpm_secure.event_loop import LoopRunner, _beside, complete


async def double(number):
    await asyncio.sleep(0)
    return 2 * number


async def fail():
    raise ValueError("no")


def test_it_is_done_with_and_without_a_loop():
    async def within():
        return complete(double(4))

    assert complete(double(3)) == 6
    assert asyncio.run(within()) == 8


async def loop_of_work():
    return asyncio.get_running_loop()


def test_pieces_of_work_share_a_loop_with_and_without_one_that_runs():
    def pieces():
        runner = LoopRunner()
        loops = [runner.run(loop_of_work()) for _ in range(2)]
        with pytest.raises(ValueError, match="no"):
            runner.run(fail())
        runner.close()
        assert loops[0] is loops[1]
        assert loops[0].is_closed()
        return loops[0]

    async def within():
        assert pieces() is not asyncio.get_running_loop()

    pieces()
    asyncio.run(within())


def test_an_error_is_raised_where_it_is_asked_for():
    async def within():
        return complete(fail())

    with pytest.raises(ValueError, match="no"):
        complete(fail())
    with pytest.raises(ValueError, match="no"):
        asyncio.run(within())


@pytest.fixture
def interruptible():
    """Let an interrupt raise here, as in a terminal or a notebook; workers of a test run may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_interrupted_it_is_cancelled_and_has_ended():
    ends = []

    async def wait():
        timer = threading.Timer(0.05, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        timer.start()
        try:
            await asyncio.sleep(60)
        finally:
            timer.join()
            ends.append("cancelled")

    with pytest.raises(KeyboardInterrupt):
        _beside(wait())
    assert ends == ["cancelled"]
