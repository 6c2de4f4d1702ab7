"""Rows and their means over origins."""

import datetime

import numpy as np
import pytest
from scipy import stats

from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import Periods
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.data.place_table import two_places
from lpm_secure.evaluation.config import EvaluationConfig, OriginsConfig, TargetsConfig
from lpm_secure.evaluation.forecasts import OriginForecast
from lpm_secure.evaluation.origins import Origin
from lpm_secure.evaluation.scores.quantiles import LEVELS
from lpm_secure.evaluation.table import compare_methods, summarise, tabulate, transforms

CONFIG = EvaluationConfig(
    name="small",
    calibration="small.toml",
    origins=OriginsConfig(tuning=(4, 9)),
    horizons=(2, 1),
    targets=TargetsConfig(institutions="wards", public="town"),
)
ORIGINS = [Origin(at, "tuning", 3, at != 6, anew=False) for at in range(4, 10)]
VALUES = np.exp(np.random.default_rng(7).normal(4.0, 0.3, (3, 10)))
VALUES[0, 5] = np.nan  # missing
NAMES = ("a", "b", "c")
DATA = InstitutionSeries(
    "made up",
    NAMES,
    NAMES,
    "beds",
    Periods(datetime.date(2026, 1, 2), 7, 10),
    tuple(map(Series.of, VALUES)),
    np.full((3, 2), 0.1),
    two_places(),
    None,
)
LAW = np.exp(4.0 + 0.3 * stats.norm.ppf(LEVELS))


def method(factor):
    return {each.periods: OriginForecast(np.tile(factor * LAW, (3, 2, 1)), None) for each in ORIGINS}


METHODS = {"good": method(1.0), "hub": method(2.0)}
ROWS = tabulate(CONFIG, METHODS, DATA, ORIGINS)


def test_an_origin_that_is_not_scored_has_no_row_and_a_missing_value_none_of_the_values():
    assert {row["origin"] for row in ROWS} == {4, 5, 7, 8, 9}
    values = {(row["horizon"], row["origin"]): row["values"] for row in ROWS}
    assert values[1, 4] == 3
    assert values[1, 5] == 2
    assert values[2, 4] == 5
    assert values[2, 9] == 3  # the series ends


def test_scores_are_relative_to_the_hub_at_the_same_origin():
    by_key = {(row["horizon"], row["origin"], row["method"]): row for row in ROWS}
    for (horizon, origin, name), row in by_key.items():
        assert row["relative_to_hub"] == pytest.approx(row["wis"] / by_key[horizon, origin, "hub"]["wis"])
        assert row["relative_to_hub"] < 1 or name == "hub"


def test_the_summary_has_geometric_means_over_origins():
    row = next(row for row in summarise(ROWS) if row["method"] == "good" and row["horizon"] == 2)
    ratios = [each["relative_to_hub"] for each in ROWS if each["method"] == "good" and each["horizon"] == 2]
    assert row["relative"] == pytest.approx(stats.gmean(ratios))
    assert row["origins"] == 5
    assert row["relative_low"] < row["relative"] < row["relative_high"]


def test_pairs_compare_one_method_with_each_other_one():
    (one, two) = compare_methods(ROWS, first="good", others=["hub"])
    assert {one["horizon"], two["horizon"]} == {1, 2}
    assert one["ratio"] < 1


def test_transforms_are_shares_of_tenths_and_tell_which_way_a_forecast_is_off():
    found = transforms(CONFIG, METHODS, DATA, ORIGINS)
    assert set(found) == {("wards", "good"), ("wards", "hub")}
    assert all(share.sum() == pytest.approx(1.0) for share in found.values())
    assert found["wards", "hub"][:3].sum() > 0.7
