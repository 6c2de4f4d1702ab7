"""Whether runs can be computed many at once is a property of the graph and of where agents meet."""

import re
from pathlib import Path

import pytest

from tests.lane_worlds import MODELS, lane_model, world

PAGE = Path(__file__).parents[6] / "docs/python.md"


def test_the_models_are_those_that_the_page_has_measured():
    (head,) = (line for line in PAGE.read_text().splitlines() if line.startswith("| | `"))
    assert {kind.__name__ for kind in MODELS} == set(re.findall(r"`(\w+)`", head))


@pytest.mark.parametrize("kind", MODELS)
def test_every_library_model_whose_messages_are_0_or_1_qualifies(kind):
    assert lane_model(world(kind, n=60), 5).plan.planes > 0
