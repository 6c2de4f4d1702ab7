"""What a server loads before a run begins, so that no step waits for it."""

import os
from typing import Final

import numpy as np

import aggregator.masking.carry.choice as fields
import aggregator.masking.trees.choice as trees
import protocols.masking.kernels.choice as kernels
from aggregator.masking.carry.bit_opening import BitOpening, count_messages
from aggregator.masking.carry.share import deal_carry
from aggregator.masking.comparison import deal_comparison
from aggregator.masking.comparison_key import NodeHash
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.masking.kernels.folding_kernels import ARITY
from protocols.masking.plans.run_plan import RunPlan

LEAST_WORDS: Final = 2**16  # proved in a whole run; with fewer, loading compiled code takes longer than it saves
LEAST_COMPARISONS: Final = 2**12


def prepare(plan: RunPlan) -> None:
    """Load the fastest kernels that are installed, where a run is long enough; the bytes are the same."""
    steps, layout = plan.manifest.steps, plan.layout
    compares = steps * layout.n * len(plan.outcomes) >= LEAST_COMPARISONS
    if compares and plan.opens_bits:
        fields.fastest()
        _open()
    elif compares:
        trees.fastest()
        _compare()
    if compares or plan.proved >= LEAST_WORDS:  # what compiles is there by then
        _fold()


def _fold() -> None:
    """Fold nothing: code is loaded by its first call, which no step then waits for."""
    loaded, nothing = kernels.fastest(), np.zeros((1, ARITY, 2), dtype=np.uint64)
    loaded.powers(nothing[:, 0].copy(), 1)
    for rho in (nothing[:, :1], nothing[:0]):
        loaded.evaluate(nothing, nothing[:, :1, 0], rho, groups=1)
    loaded.fold_all(nothing.copy(), nothing[:, :1])
    loaded.inner_product(nothing, nothing[:, :, 0].copy())
    loaded.claims(nothing, nothing[:, 0].copy(), nothing[:, :1].copy())


def _compare() -> None:
    """Deal and answer one comparison of nothing, for the same reason."""
    node_hash = NodeHash(os.urandom(KEY_BYTES))
    nothing = np.zeros(1, dtype=np.uint64)
    _, (share, _) = deal_comparison(nothing, node_hash=node_hash, draw=lambda count: np.zeros(count, dtype=np.uint64))
    share.answer(node_hash, nothing, offset=nothing, mask=nothing)


def _open() -> None:
    """Open and prove one bit of nothing, for the same reason."""
    nothing = np.zeros(1, dtype=np.uint64)
    share, _, _ = deal_carry(nothing, nothing, bits=1, draw=lambda count: np.zeros(count, dtype=np.uint64))
    opening = BitOpening(share, nothing, bits=1, key=bytes(KEY_BYTES))
    for _ in range(count_messages(1)):
        opening.take(opening.tell())
