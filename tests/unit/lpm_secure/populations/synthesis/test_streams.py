"""Draws of the stages of a synthesis."""

import pytest

from lpm_secure.populations.synthesis.streams import Part, draws
from protocols.errors import ParameterError


def test_stages_draw_apart_and_a_seed_beyond_64_bits_is_refused():
    assert draws(1, Part.PLACES).random() != draws(1, Part.HOUSEHOLDS).random()
    assert draws(1, Part.PLACES).random() == draws(1, Part.PLACES).random()
    with pytest.raises(ParameterError, match="got seed -1"):
        draws(-1, Part.PLACES)
