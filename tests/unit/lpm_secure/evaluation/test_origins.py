"""Origins: those of New York's hospitals, and what no origin can be made of."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from client_sdk.likelihood.series import Series
from lpm_secure.data import catalogue
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.evaluation.config import EvaluationConfig, OriginsConfig, load
from lpm_secure.evaluation.origins import origins_of, read_series, require_from_zero
from protocols.errors import ConfigError, DataError
from tests.calibration_hospitals import config_of

SMALL = EvaluationConfig(name="small", calibration="small.toml", origins=OriginsConfig(tuning=(4, 6)), horizons=(2,))
EXAMPLE = Path(__file__).parents[4] / "examples" / "evaluation.toml"


def ending(periods: int, last: float) -> InstitutionSeries:
    """Return series of which nothing is known after so many periods, and the first one's last value is this."""
    data = read_series(SMALL, config_of(institutions=6, fitted=4, ahead=2))
    values = np.array([each.guess for each in data.series])
    values[:, periods:], values[0, periods - 1] = np.nan, last
    return dataclasses.replace(data, series=tuple(map(Series.of, values)), events_a_day=None)


def test_origins_after_which_nothing_is_known_are_refused_before_any_fit():
    assert [each.scored for each in origins_of(SMALL, ending(5, 1.0))] == [True, True, False]
    with pytest.raises(ConfigError, match=r"the last value is of period 4, .*; let origins be earlier"):
        origins_of(SMALL, ending(4, 1.0))


def test_a_half_that_is_not_configured_is_refused():
    with pytest.raises(ConfigError, match=r"origins\.judged is not given; give it"):
        origins_of(SMALL, ending(5, 1.0), ("judged",))


def test_values_below_0_are_refused_with_their_day():
    require_from_zero(ending(5, 0.0))
    with pytest.raises(DataError, match=r"institution '.*' has a value below 0, 20..-..-..; "):
        require_from_zero(ending(5, -0.5))


def test_origins_at_which_few_hospitals_report_are_counted_and_not_scored():
    if any(catalogue.where(name) is None for name in ("ny_hospitals_weekly", "nyc_covid", "nyc_population")):
        pytest.skip("the data are not here")
    config, calibration = load(EXAMPLE)
    origins = origins_of(config, read_series(config, calibration))
    assert [each.periods for each in origins if each.half == "tuning"] == list(range(8, 21))
    assert [each.periods for each in origins if each.half == "judged"] == list(range(24, 51))
    assert {each.periods: each.reports for each in origins if not each.scored} == {25: 0, 29: 0, 32: 4, 34: 4, 46: 12}
    assert [each.periods for each in origins if each.anew] == [8, 12, 16, 20, 24, 30, 36, 40, 44, 49]
