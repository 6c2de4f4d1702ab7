"""The worker of the MPC thread: a coroutine awaits it, over real processes of the dealer."""

import asyncio
from typing import Any

import numpy as np

from aggregator.mpc import AsyncMpcWorker, MpcWorker
from tests.integration.mpc_parties import joined, parties, split


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
        calls = [AsyncMpcWorker(worker) for worker in workers]
        shares = split([5, 6, 7], 2, rng), split([6, 6, 6], 2, rng)

        async def all_call(name: str) -> list[Any]:
            return await asyncio.gather(*(getattr(call, name)(x, y) for call, x, y in zip(calls, *shares, strict=True)))

        bits, xors, found = [await all_call(name) for name in ("compare", "compare_bits", "multiply")]
        counting.cancel()
        for worker in workers:
            worker.close()
        return (joined(bits).tolist(), (xors[0] ^ xors[1]).tolist(), joined(found).tolist()), turns

    rng = np.random.default_rng(0)
    with parties(tmp_path, 2) as running:
        for process in running.workers:  # their ports are for this process
            process.end()
        (bits, xors, products), turns = asyncio.run(both())
    assert bits == xors == [0, 0, 1]
    assert products == [30, 36, 42]
    assert turns > 3
