"""A synthetic New York of 30,000, built once for all tests of populations."""

import pytest

from lpm_secure.data import catalogue
from lpm_secure.data.nyc_tables import DATA
from lpm_secure.populations.synthesis import nyc

N = 30_000


@pytest.fixture(scope="session")
def city(tmp_path_factory):
    """Return a small city; no test changes it."""
    for name in DATA:
        if catalogue.where(name) is None:
            pytest.skip(f"{name} is not on this machine")
    return nyc.build(tmp_path_factory.mktemp("city") / "small.lpmpop", agents=N, seed=3)
