"""What an assimilation shows: a row for each period, quantiles of what comes, and the comparison with refits."""

import csv
import io

import numpy as np
import pytest

from lpm_secure.assimilation import job
from lpm_secure.assimilation.job import AssimilationResult
from lpm_secure.assimilation.report import FORECAST, PERIODS, PUBLIC, forecast_rows, summary_of
from lpm_secure.evaluation.forecasts import OriginForecast
from lpm_secure.evaluation.model_fits import FitFacts
from lpm_secure.evaluation.scores.quantiles import LEVELS
from lpm_secure.report.page import Plot
from tests.calibration_hospitals import config_of

CONFIG = config_of(institutions=5, fitted=4, ahead=4)


@pytest.fixture(scope="module")
def result():
    data = CONFIG.study().data
    own = np.arange(5 * 2).reshape(5, 2, 1) * 100.0 + np.arange(LEVELS.size)
    forecasts = {5: OriginForecast(own, None), 6: OriginForecast(own + 1.0, own[0])}
    facts = {5: FitFacts(rounds=3, numbers=8), 6: FitFacts(rounds=4, numbers=9)}
    refits = {5: OriginForecast(own + 5.0, None)}
    return AssimilationResult(CONFIG, data, forecasts, facts, refits, job._rows(data, forecasts, facts, refits))


def test_the_forecast_is_the_last_ones_by_series_and_period(result):
    rows = forecast_rows(result)
    assert [row["series"] for row in rows] == [*(name for name in result.data.names for _ in range(2)), PUBLIC, PUBLIC]
    assert [row["period"] for row in rows[:2]] == [
        result.data.calendar.first_day(period).isoformat() for period in (6, 7)
    ]
    assert rows[3][f"q{LEVELS[4]:g}"] == 300.0 + 4 + 1
    assert rows[-1]["q0.99"] == 100.0 + LEVELS.size - 1


def test_a_summary_tells_rounds_and_the_ratio_to_refits(result, tmp_path):
    summary = summary_of(result, tmp_path)
    assert summary.figures["rounds"] == 7
    assert summary.figures["numbers"] == 9
    assert summary.figures["ratio_to_refits"]["wis"] == pytest.approx(result.ratio("wis"))
    text = "\n".join(summary.lines)
    assert "2 periods in 7 rounds" in text
    assert "up to 9 numbers in each round: no noise, no promise" in text
    assert f"against refits, institutions: WIS {result.ratio('wis'):.3f} times theirs" in text
    assert PUBLIC not in text.split("against")[1]
    rows = list(csv.DictReader(io.StringIO(summary.tables[PERIODS].decode())))
    assert [row["period"] for row in rows] == ["5", "6"]
    assert len(list(csv.DictReader(io.StringIO(summary.tables[FORECAST].decode())))) == 12
    assert any(isinstance(part, Plot) for part in summary.page.parts)
