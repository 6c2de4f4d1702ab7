"""Levels on shares: what grows, and begins anew."""

import numpy as np
import pytest

from aggregator.on_shares.levels import Levels
from protocols.task.layout import Layout
from protocols.task.outcome_layout import stack_columns
from tests.epidemics import doses_of

SHORT = (2**31, 2**31)
CAMPAIGN = doses_of(2, 4, 2**31, 64)


@pytest.fixture
def told(manifest_of, seir):
    return manifest_of([(1, 2), (3,)], mode="outcome", model=seir(waning=SHORT, doses=CAMPAIGN, f=24))


class Alone:
    """Multiplies what it is given as if it were everything."""

    def multiply(self, x, y):
        return x * y


def test_hazards_begin_anew_before_what_was_heard_is_weighted_and_added(told):
    layout = Layout.of(told)
    hidden = Levels(*(np.array([row], dtype=np.uint64) for row in ([10, 20, 30], [0] * 3, [0] * 3, [3, 4, 5])))
    columns = {"level": [1, 2, 9], "threshold": [7, 8, 9], "anew": [1, 0, 1], "weight": [256, 64, 256]}
    words = stack_columns(layout.outcomes, [{name: np.array(column) for name, column in columns.items()}])
    words[8:] = 0  # the second client told nothing
    level = hidden.multiply(Alone(), layout, total=words, members=["client-0"])
    assert level.tolist() == [[3 * 256, 20 + 4 * 64, 30]]
    after = hidden.replace_own(layout, words, ["client-0"]).replace_levels(layout, ["client-0"], level)
    assert (after.own.tolist(), after.tau.tolist(), after.exposure.tolist()) == ([[1, 2, 0]], [[7, 8, 0]], [[0, 0, 5]])
    assert Levels.decode(after.encode() + b"what stands behind", layout).encode() == after.encode()
