"""`sharing_1e6`: share and add up a million values, against a memory copy of the same bytes."""

import numpy as np
from measure import Row, seconds

from protocols.arithmetic.sharing import Additive

D = 1_000_000


def sharing_1e6():
    """Split, expand and add, as one client and two aggregators do in a step; the copy reads and writes both shares."""
    sharing = Additive(2)
    keys = sharing.keys()
    x = np.arange(D, dtype=np.uint64)
    total = np.zeros(D, dtype=np.uint64)
    target = np.empty(2 * D, dtype=np.uint64)
    source = np.arange(2 * D, dtype=np.uint64)

    def share_and_add():
        sent = sharing.split(x, keys, round_number=1)
        sharing.expand(keys[0], round_number=1, out=total)
        total.__iadd__(sent)

    copy = seconds(lambda: np.copyto(target, source), repeat=21)
    ours = seconds(share_and_add, repeat=21)
    return [Row("sharing_1e6", ours * 1e3, "ms", f"memory copy of both shares, {copy * 1e3:.2f} ms", ours / copy)]


BENCHMARKS = {"sharing_1e6": sharing_1e6}
