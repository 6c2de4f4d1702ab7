"""The worker of the MPC thread: a coroutine awaits it, over real processes of the dealer."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from aggregator.mpc import MpcWorker, Task
from tests.integration.mpc_parties import joined, parties, split
from tests.mpc_tasks import comparison, product


def test_a_coroutine_awaits_the_worker_without_blocking_its_loop(tmp_path: Any) -> None:
    async def both() -> tuple[Any, int]:
        workers = [MpcWorker(config) for config in running.configs]
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        counting = asyncio.create_task(count())
        shares = split([5, 6, 7], 2, rng), split([6, 6, 6], 2, rng)

        async def all_call(task: Callable[[Any, Any], Task[Any]]) -> list[Any]:
            futures = [worker.submit(task(x, y)) for worker, x, y in zip(workers, *shares, strict=True)]
            return await asyncio.gather(*map(asyncio.wrap_future, futures))

        bits, found = [await all_call(task) for task in (comparison, product)]
        counting.cancel()
        for worker in workers:
            worker.close()
        return (joined(bits).tolist(), joined(found).tolist()), turns

    rng = np.random.default_rng(0)
    with parties(tmp_path, 2) as running:
        for process in running.workers:  # their ports are for this process
            process.end()
        (bits, products), turns = asyncio.run(both())
    assert bits == [0, 0, 1]
    assert products == [30, 36, 42]
    assert turns > 3
