"""Laws that are tilted towards a mean."""

import pytest

from lpm_secure.gradients.model.laws import TiltedLaw
from protocols.errors import ParameterError

LAW = (2**29, 2**30, 2**31, 0, 2**29)


def test_a_tilted_laws_mean_is_its_parameter():
    law = TiltedLaw(LAW)
    moved = law.shift(0.25)
    assert moved.mean == pytest.approx(law.mean + 0.25, abs=1e-8)
    assert moved.weights[3] == 0
    with pytest.raises(ParameterError, match="move it less"):
        law.shift(3.0)
