"""An amortised posterior beside a fit."""

import pytest
import torch

from lpm_secure.calibration.amortisation.comparison import summary
from tests.amortised_hospitals import COURSE


def test_a_posterior_of_more_weeks_is_compared_in_the_weeks_that_a_fit_has() -> None:
    longer = COURSE.lengthen(8)
    z = torch.randn(50, longer.p, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    theta, fitted = longer.parameters(z), COURSE.parameters(longer.restrict(z, COURSE))
    weeks = fitted[0].values.shape[1]
    assert torch.equal(fitted[0].values[:, : weeks - 1], theta[0].values[:, : weeks - 1])
    assert torch.equal(fitted[1].values, theta[1].values)
    rows = {row["parameter"]: row for row in summary(longer, z)}
    assert rows["reproduction, period 3"]["mean"] == pytest.approx(float(theta[0].values[:, 4].mean()))
    assert rows["stay_days"]["sd"] == pytest.approx(float(theta[3].values.std()))
    assert len(rows) == longer.p
