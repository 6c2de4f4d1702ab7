"""What a server loads before a run begins, so that no step waits for it."""

from typing import Final

import aggregator.masking.trees.choice as trees
import protocols.masking.kernels.choice as kernels
from protocols.masking.plan import MaskingPlan

LEAST_WORDS: Final = 2**16  # proved in a whole run; with fewer, loading compiled code takes longer than it saves
LEAST_COMPARISONS: Final = 2**12


def prepare(plan: MaskingPlan) -> None:
    """Load the fastest kernels that are installed, where a run is long enough; the bytes are the same."""
    steps, layout = plan.manifest.steps, plan.layout
    if steps * layout.d * len(layout.own) >= LEAST_WORDS:
        kernels.fastest()
    if steps * layout.n * len(layout.outcomes) >= LEAST_COMPARISONS:
        trees.fastest()
