"""A posterior that is trained well enough to be calibrated; it takes a while, so slow tests share it."""

import pytest

from lpm_secure.calibration.amortisation.cohort import SecureCohort
from lpm_secure.calibration.amortisation.posterior import AmortisedPosterior
from tests.amortised_hospitals import CALIBRATED, learners, trained


@pytest.fixture(scope="package")
def amortised() -> AmortisedPosterior:
    return trained(SecureCohort(learners(training=CALIBRATED)), CALIBRATED)
