"""Work that awaits, done from code that does not: in a notebook too, where a loop runs already."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar, final

T = TypeVar("T")


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Do work that awaits, and return its result; beside a loop that runs in this thread, in a thread of its own.

    Interrupted, it is cancelled, and has ended when this returns.
    """
    return _beside(work) if _is_running() else asyncio.run(work)


@final
class LoopRunner:
    """Does one piece of work after the other in one loop, to which connections belong; each as `complete` does it."""

    def __init__(self) -> None:
        """Begin; the first piece of work makes the loop."""
        self._runner = asyncio.Runner()
        self._pool: ThreadPoolExecutor | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work that awaits, and return its result."""
        if self._pool is None and not _is_running():
            return self._runner.run(work)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lpm")
        return _within(self._pool, self._runner.run, work)

    def close(self) -> None:
        """Close the loop, with what is left in it."""
        if self._pool is None:
            self._runner.close()
            return
        with self._pool as pool:
            pool.submit(self._runner.close).result()


def _is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _beside(work: Coroutine[Any, Any, T]) -> T:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="lpm") as pool:
        return _within(pool, asyncio.run, work)


def _within(pool: ThreadPoolExecutor, run: Callable[[Coroutine[Any, Any, T]], T], work: Coroutine[Any, Any, T]) -> T:
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()

    async def act() -> T:
        task = asyncio.ensure_future(work)
        begun.set_result((asyncio.get_running_loop(), task))
        return await task

    result = pool.submit(lambda: run(act()))
    try:
        return result.result()
    except BaseException:
        if not result.done():
            loop, task = begun.result()
            loop.call_soon_threadsafe(task.cancel)
            wait([result])
        raise
