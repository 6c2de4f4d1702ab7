"""Whether runs can be computed many at once is a property of the graph and of where agents meet."""

import pytest

from tests.lane_worlds import MODELS, lane_model, world


@pytest.mark.parametrize("kind", MODELS)
def test_every_library_model_whose_messages_are_0_or_1_qualifies(kind):
    assert lane_model(world(kind, n=60), 5).plan.planes > 0
