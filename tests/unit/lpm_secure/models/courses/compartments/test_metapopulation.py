"""Places and their groups."""

import pytest

from lpm_secure.data.place_table import two_places
from lpm_secure.models.courses.compartments.metapopulation import compose
from protocols.errors import ConfigError


def test_a_rate_is_needed_for_each_group() -> None:
    with pytest.raises(ConfigError, match="has 3 rates; there are 2 groups: young, old"):
        compose(two_places(), [1.0, 2.0, 3.0])
