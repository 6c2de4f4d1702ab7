"""What the engine takes of a population."""

import numpy as np

from lpm_secure.engine.venues.channels import Venues
from lpm_secure.populations.settings import settings_of

N = 30_000


def test_the_engine_takes_the_settings_of_a_population(city):
    settings = settings_of(city)
    assert [setting.name for setting in settings] == ["household", "quarters", "school", "workplace", "community"]
    venues = Venues.of(settings)
    assert venues.n == N
    members = np.bincount(settings[0].venue[settings[0].venue >= 0])
    assert np.array_equal(settings[0].size, np.maximum(members - 1, 1))
