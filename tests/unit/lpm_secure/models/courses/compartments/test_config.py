"""A measure and what it needs."""

import msgspec
import pytest

from lpm_secure.models.courses.compartments.config import CompartmentConfig
from tests.calibration_hospitals import AUTOREGRESSIVE, MODEL

EVENT_PRIORS = {name: prior for name, prior in MODEL["priors"].items() if name != "stay_days"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"measure": "events"}, "stay_days"),
        ({"priors": EVENT_PRIORS}, "stay_days"),
        ({"delays": MODEL["delays"] | {"longest_days": 20}}, "longest_days is 20"),
        ({"priors": MODEL["priors"] | AUTOREGRESSIVE}, "got both"),
        ({"priors": {name: prior for name, prior in MODEL["priors"].items() if name != "walk_sd"}}, "got neither"),
    ],
)
def test_a_measure_and_its_delays_belong_together(change, said) -> None:
    with pytest.raises(Exception, match=said):
        msgspec.convert(MODEL | change, CompartmentConfig)
