"""Work that awaits is done where a loop runs, and where none does."""

import asyncio
import signal
import threading

import pytest

from lpm_secure.event_loop import _beside, complete


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
