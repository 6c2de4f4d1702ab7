"""Origins of the evaluation of New York's hospitals."""

from pathlib import Path

import pytest

from lpm_secure.data import catalogue
from lpm_secure.evaluation.config import load
from lpm_secure.evaluation.origins import origins_of, read_series

EXAMPLE = Path(__file__).parents[4] / "examples" / "evaluation.toml"


def test_origins_at_which_few_hospitals_report_are_counted_and_not_scored():
    if any(catalogue.where(name) is None for name in ("ny_hospitals_weekly", "nyc_covid", "nyc_population")):
        pytest.skip("the data are not here")
    config, calibration = load(EXAMPLE)
    origins = origins_of(config, read_series(config, calibration))
    assert [each.periods for each in origins if each.half == "tuning"] == list(range(8, 21))
    assert [each.periods for each in origins if each.half == "judged"] == list(range(24, 51))
    assert {each.periods: each.reports for each in origins if not each.scored} == {25: 0, 29: 0, 32: 4, 34: 4, 46: 12}
    assert [each.periods for each in origins if each.anew] == [8, 12, 16, 20, 24, 30, 36, 40, 44, 49]
