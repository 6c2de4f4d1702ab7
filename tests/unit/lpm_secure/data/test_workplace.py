"""The contacts of the workplace, against their published figures."""

from collections import Counter

import numpy as np
import pytest

from lpm_secure.data import catalogue, workplace
from lpm_secure.data.look_alike import SIZES


def needs(name):
    """Skip a test where a dataset is not on this machine."""
    reason = f"{name} is not on this machine; set LPM_DATA to a directory that holds it"
    return pytest.mark.skipif(catalogue.where(name) is None, reason=reason)


def share_across(data):
    """Return the share of contact weight between groups."""
    group = dict(zip(data.people.tolist(), data.group, strict=True))
    across = [group[a] != group[b] for a, b in zip(data.a.tolist(), data.b.tolist(), strict=True)]
    return data.weight[np.array(across)].sum() / data.weight.sum()


@needs(workplace.NAME)
def test_the_workplace_has_its_published_figures():
    data = workplace.load()
    assert (data.people.size, len(data.group), len(set(data.group)), data.days) == (217, 217, 12, 10)
    assert data.weight.sum() == 78_249
    assert data.day.size == data.a.size == data.b.size == data.weight.size == 7_441
    assert np.unique(np.stack([data.day, data.a, data.b]), axis=1).shape[1] == 7_441
    assert set(data.day.tolist()) == set(range(10))
    assert (data.a < data.b).all()
    assert (np.diff(data.people) > 0).all()
    assert {x.dtype for x in (data.people, data.day, data.a, data.b, data.weight)} == {np.dtype(np.int64)}
    assert share_across(data) == pytest.approx(0.237, abs=0.0005)
    assert Counter(data.group) == SIZES
    assert not data.look_alike
    assert "InVS15" in data.source
