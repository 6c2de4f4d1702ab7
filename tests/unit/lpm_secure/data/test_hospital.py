"""The contacts of the hospital, against their published figures."""

from collections import Counter

import pytest

from lpm_secure.data import catalogue, hospital


def needs(name):
    """Skip a test where a dataset is not on this machine."""
    reason = f"{name} is not on this machine; set LPM_DATA to a directory that holds it"
    return pytest.mark.skipif(catalogue.where(name) is None, reason=reason)


@needs(hospital.NAME)
def test_the_hospital_has_its_published_figures():
    data = hospital.load()
    assert data.weight.sum() == 32_424
    assert Counter(data.group) == {"NUR": 27, "PAT": 29, "MED": 11, "ADM": 8}
    assert data.days == 5
    assert (data.a < data.b).all()
    assert not data.look_alike
    assert "NC" in data.source
