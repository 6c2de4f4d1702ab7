"""What a server loads before a run begins, so that no step waits for it."""

import os
from typing import Final

import numpy as np

import aggregator.masking.trees.choice as trees
import protocols.masking.kernels.choice as kernels
from aggregator.masking.comparison import deal_comparison
from aggregator.masking.comparison_key import NodeHash
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.masking.plans.run_plan import RunPlan

LEAST_WORDS: Final = 2**16  # proved in a whole run; with fewer, loading compiled code takes longer than it saves
LEAST_COMPARISONS: Final = 2**12


def prepare(plan: RunPlan) -> None:
    """Load the fastest kernels that are installed, where a run is long enough; the bytes are the same."""
    steps, layout = plan.manifest.steps, plan.layout
    if plan.proved >= LEAST_WORDS:
        kernels.fastest()
    if steps * layout.n * len(layout.outcomes) >= LEAST_COMPARISONS:
        trees.fastest()
        _compare()


def _compare() -> None:
    """Deal and answer one comparison of nothing: code is loaded by its first call, which no step then waits for."""
    node_hash = NodeHash(os.urandom(KEY_BYTES))
    nothing = np.zeros(1, dtype=np.uint64)
    _, (share, _) = deal_comparison(nothing, node_hash=node_hash, draw=lambda count: np.zeros(count, dtype=np.uint64))
    share.answer(node_hash, nothing, offset=nothing, mask=nothing)
