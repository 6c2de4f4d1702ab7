"""`permute_100k`: a step of the secret permutation, 100,000 agents with 10 contacts, against one plain scatter."""

import time

import numpy as np
from measure import Row, seconds

from aggregator.permutation.roles import Role
from aggregator.permutation.stages import Shape
from tests.permutation_trio import Trio, shared, tokens_of

N, DEGREE = 100_000, 10
LIMIT_S = 0.3


def permute_100k():
    """Take all three servers' part in a step, over socket pairs; the scatter adds up the same values in the clear."""
    draw, shape = np.random.default_rng(1), Shape(N, DEGREE, 1)
    target = draw.permutation(shape.slots)
    x = draw.integers(0, 100, shape.slots, dtype=np.uint64)
    shares, recipient = shared(x, draw), target // DEGREE
    clear = np.zeros(N, dtype=np.uint64)

    def scatter():
        clear[:] = 0
        np.add.at(clear, recipient, x)

    with Trio(shape, [tokens_of(target, draw)], steps=10**6, record=False) as trio:
        started = time.perf_counter()
        (_, a), (_, b) = trio.step(*shares, 0)
        first = time.perf_counter() - started
        ours = seconds(lambda: trio.step(*shares, 0), repeat=11)
        before = trio.sent()
        trio.step(*shares, 0)
        sent = {link: bytes_now - before[link] for link, bytes_now in trio.sent().items()}
    plain = seconds(scatter, repeat=11)
    np.testing.assert_array_equal(a + b, clear)
    rows = [
        Row("permute_100k", ours * 1e3, "ms", f"plain scatter, {plain * 1e3:.1f} ms", ours / plain),
        Row("permute_100k_limit", ours * 1e3, "ms", f"limit of {LIMIT_S * 1e3:g} ms a step", ours / LIMIT_S),
        Row("permute_100k_set_up", (first - ours) * 1e3, "ms", "one step", (first - ours) / ours),
    ]
    for (sender, receiver), total in sent.items():
        if total > N:
            per = total / N
            link = f"permute_100k_{Role(sender).name}_{Role(receiver).name}"
            rows.append(Row(link, per, "B", "8 bytes for each slot", per / (8 * DEGREE)))
    return rows


BENCHMARKS = {"permute_100k": permute_100k}
