"""The sharing that hides nothing."""

import pytest

from protocols.arithmetic.sharing import Additive, Clear
from protocols.errors import ParameterError


def test_the_clear_sharing_has_exactly_one_aggregator(manifest_of):
    assert manifest_of(k=1, sharing="clear").share() == Clear()
    assert manifest_of(k=5).share() == Additive(5)
    with pytest.raises(ParameterError, match="got 2 aggregators for the clear sharing"):
        manifest_of(k=2, sharing="clear")
