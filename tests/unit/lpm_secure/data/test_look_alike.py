"""The look-alike of the workplace."""

from collections import Counter

import numpy as np
import pytest

from lpm_secure.data.look_alike import SIZES, look_alike


def share_across(data):
    """Return the share of contact weight between groups."""
    group = dict(zip(data.people.tolist(), data.group, strict=True))
    across = [group[a] != group[b] for a, b in zip(data.a.tolist(), data.b.tolist(), strict=True)]
    return data.weight[np.array(across)].sum() / data.weight.sum()


@pytest.mark.parametrize("seed", range(6))
def test_the_look_alike_is_near_the_workplace_and_says_that_it_is_generated(seed):
    data = look_alike(seed)
    assert data.look_alike
    assert "generated" in data.source
    assert Counter(data.group) == SIZES
    assert (data.people.size, data.days) == (217, 10)
    assert set(data.day.tolist()) == set(range(10))
    assert (data.a < data.b).all()
    assert set(data.a.tolist()) | set(data.b.tolist()) <= set(data.people.tolist())
    assert np.unique(np.stack([data.day, data.a, data.b]), axis=1).shape[1] == data.day.size
    assert data.day.size == pytest.approx(7_400, rel=0.02)
    assert data.weight.sum() == pytest.approx(78_000, rel=0.02)
    assert share_across(data) == pytest.approx(0.24, abs=0.035)
    assert data.weight.min() >= 1
    assert {x.dtype for x in (data.people, data.day, data.a, data.b, data.weight)} == {np.dtype(np.int64)}
    heaviest = np.sort(data.weight)[-data.weight.size // 100 :].sum() / data.weight.sum()
    assert heaviest > 0.15  # the heaviest hundredth; 0.21 in the workplace


def test_the_look_alike_depends_on_its_seed_alone():
    first, again, other = (np.stack([x.day, x.a, x.b, x.weight]).tobytes() for x in map(look_alike, (1, 1, 2)))
    assert first == again != other
