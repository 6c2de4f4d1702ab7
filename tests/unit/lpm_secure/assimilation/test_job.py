"""A calibration that follows new periods: which it follows, in how many rounds, and how it scores against refits."""

import dataclasses
import math

import msgspec
import numpy as np
import pytest

from client_sdk.likelihood.series import Series
from lpm_secure.assimilation import job
from lpm_secure.assimilation.job import AssimilationResult, assimilate
from lpm_secure.calibration.inference.fit_config import AssimilationConfig, FitConfig
from lpm_secure.calibration.job import calibrate
from lpm_secure.evaluation.forecasts import OriginForecast
from lpm_secure.evaluation.model_fits import FitFacts
from lpm_secure.evaluation.scores.quantiles import LEVELS
from protocols.errors import ConfigError, ParameterError
from tests.calibration_hospitals import config_of

CONFIG = config_of(
    institutions=6, fitted=4, ahead=4, fit=FitConfig(rounds=4, draws=2), assimilation=AssimilationConfig(rounds=2)
)
LAST = 7


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibrated")
    calibrate(CONFIG, folder)
    return folder


@pytest.fixture(scope="module")
def data():
    return CONFIG.study().data


def points(data, periods, *, off, ahead=2):
    """Return forecasts that have all quantiles at the truth and so much beside it: their score is how far."""
    truth = np.array([each.guess[periods : periods + ahead] for each in data.series]) + off
    own = np.repeat(truth[..., None], LEVELS.size, axis=-1)
    public = np.repeat(data.events_a_day[periods : periods + ahead, None] + 2 * off, LEVELS.size, axis=-1)
    return OriginForecast(own, public)


def exactly_known(data):
    return dataclasses.replace(data, series=tuple(Series.of(np.round(each.guess)) for each in data.series))


def test_each_period_takes_the_few_rounds_and_refits_all_of_them_and_each_is_told_once(calibrated, tmp_path):
    told = []
    result = assimilate(
        CONFIG, calibrated, tmp_path, until=LAST, ahead=1, refit_every=2, on_round=lambda *said: told.append(said)
    )
    assert list(result.forecasts) == [5, 6, 7]
    assert [each.rounds for each in result.facts.values()] == [2, 2, 2]
    assert list(result.refits) == [6]  # every second of those that were followed
    assert told == [(done + 1, 10, f"period {5 + done // 2 if done < 6 else 6}") for done in range(10)]
    assert result.forecasts[5].institutions.shape == (6, 1, LEVELS.size)
    assert [row["wis_refit"] is not None for row in result.rows] == [False, True, False]
    again = []
    kept = assimilate(CONFIG, calibrated, tmp_path, until=LAST, ahead=1, on_round=lambda *said: again.append(said))
    assert again == []  # what is there is not made again
    assert kept.rows[0] == result.rows[0]


@pytest.mark.slow
def test_what_is_followed_unless_told_are_all_known_periods_but_the_last_of_made_up_ones(calibrated, tmp_path):
    result = assimilate(CONFIG, calibrated, tmp_path)
    assert max(result.forecasts) == CONFIG.data.count - 1
    assert result.forecasts[CONFIG.data.count - 1].institutions.shape[1] == 1  # no period after it is further ahead


@pytest.mark.parametrize("until", [4, 8])
def test_periods_out_of_range_are_one_line(calibrated, tmp_path, until):
    with pytest.raises(ConfigError, match=f"got --until {until}; the calibration is of 4 periods, so give 5 to"):
        assimilate(CONFIG, calibrated, tmp_path, until=until, ahead=0)


def test_a_calibration_that_is_not_there_not_over_or_another_one_is_one_line(calibrated, tmp_path):
    with pytest.raises(ParameterError, match="has no calibration to go on from"):
        assimilate(CONFIG, tmp_path, tmp_path)
    longer = msgspec.structs.replace(CONFIG, fit=msgspec.structs.replace(CONFIG.fit, rate=0.0123))
    with pytest.raises(ParameterError, match="has a fit of another configuration"):
        assimilate(longer, calibrated, tmp_path)
    unfinished = tmp_path / "part"

    def interrupt(fit):
        if fit.round == 2:
            raise KeyboardInterrupt

    often = msgspec.structs.replace(CONFIG, fit=msgspec.structs.replace(CONFIG.fit, checkpoint_rounds=1))
    with pytest.raises(KeyboardInterrupt):
        calibrate(often, unfinished, on_round=interrupt)
    with pytest.raises(ParameterError, match=r"has 2 of 4 rounds; end it: lpm calibrate CONFIG --resume"):
        assimilate(often, unfinished, tmp_path)


def test_noise_is_refused(calibrated, tmp_path):
    noised = msgspec.structs.replace(CONFIG, federation=msgspec.structs.replace(CONFIG.federation, epsilon=4.0))
    with pytest.raises(ConfigError, match=r"got federation\.epsilon"):
        assimilate(noised, calibrated, tmp_path)


def test_scores_are_of_what_has_come_since_and_missing_where_nothing_has(data):
    data = exactly_known(data)
    scores = job._scores(data, points(data, 5, off=3.0), 5)
    assert scores["wis"] == pytest.approx(3.0)
    assert scores["public_wis"] == pytest.approx(6.0)
    assert (scores["held50"], scores["held90"]) == (0.0, 0.0)
    assert job._scores(data, points(data, 5, off=0.0), 5)["held50"] == 1.0
    gone = [np.where(np.arange(each.guess.size) < 5, each.guess, np.nan) for each in data.series]
    nothing = dataclasses.replace(data, series=tuple(map(Series.of, gone)), events_a_day=None)
    scores = job._scores(nothing, points(data, 5, off=3.0), 5)
    assert scores["wis"] is None
    assert scores["public_wis"] is None
    half = dataclasses.replace(data, series=(data.series[0], *nothing.series[1:]))
    assert job._scores(half, points(data, 5, off=3.0), 5)["wis"] == pytest.approx(3.0)


def test_a_row_says_who_reported_and_the_ratio_is_of_periods_that_were_refitted(data):
    data = exactly_known(data)
    one = data.series[0]
    late = Series.of(np.where(np.arange(one.guess.size) == 4, np.nan, one.guess))
    data = dataclasses.replace(data, series=(late, *data.series[1:]))
    found = {periods: points(data, periods, off=off) for periods, off in ((5, 2.0), (6, 3.0), (7, 4.0))}
    refits = {5: points(data, 5, off=1.0), 7: points(data, 7, off=16.0)}
    rows = job._rows(data, found, dict.fromkeys(found, FitFacts(rounds=2, numbers=1)), refits)
    assert [row["reports"] for row in rows] == [5, 6, 6]
    assert [row["period"] for row in rows] == [5, 6, 7]
    assert rows[0]["first_day"] == data.calendar.first_day(4).isoformat()
    result = AssimilationResult(CONFIG, data, found, {}, refits, rows)
    assert result.ratio("wis") == pytest.approx(math.sqrt(2.0 / 1.0 * 4.0 / 16.0))
    assert (
        AssimilationResult(
            CONFIG,
            data,
            found,
            {},
            {},
            job._rows(data, found, result.facts | {periods: FitFacts(rounds=2, numbers=1) for periods in found}, {}),
        ).ratio("wis")
        is None
    )
