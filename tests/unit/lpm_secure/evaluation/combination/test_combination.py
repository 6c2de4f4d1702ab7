"""The combination of made-up methods, learned on shares and in the clear."""

import dataclasses
import datetime

import numpy as np
import pytest
from scipy import stats

from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import Periods
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.data.place_table import two_places
from lpm_secure.evaluation.combination.combination import Combination
from lpm_secure.evaluation.config import CombinationConfig, PriorWeights
from lpm_secure.evaluation.forecasts import OriginForecast
from lpm_secure.evaluation.scores.quantiles import LEVELS
from lpm_secure.evaluation.secure_totals import SecureTotals
from lpm_secure.secure_sum.oracle import PooledSum

ORIGINS, PERIODS, AHEAD, H = tuple(range(4, 14)), 18, 4, 6
CONFIG = CombinationConfig(power=3.0, prior_origins=2.0)
COMBINATION = Combination(CONFIG, (2, 4), ORIGINS)


def data_of(values):
    names = tuple(f"ward-{i}" for i in range(H))
    return InstitutionSeries(
        "made up",
        names,
        names,
        "beds",
        Periods(datetime.date(2026, 1, 2), 7, PERIODS),
        tuple(map(Series.of, values)),
        np.full((H, 2), 0.1),
        two_places(),
        values.sum(axis=0) / 7,
    )


def forecasts(values, bias, sd):
    """Return a method that knows what comes, but for a bias and a spread of the logarithm."""
    found = {}
    for origin in ORIGINS:
        came = np.pad(values, ((0, 0), (0, AHEAD)), mode="edge")[:, origin : origin + AHEAD]
        law = np.exp(bias + sd * stats.norm.ppf(LEVELS))
        public = came.sum(axis=0)[:, None] * law / 7
        found[origin] = OriginForecast(came[..., None] * law, public)
    return found


VALUES = np.exp(np.random.default_rng(5).normal(4.0, 0.3, (H, PERIODS)))
GOOD, BAD = forecasts(VALUES, 0.02, 0.1), forecasts(VALUES, 0.9, 0.1)


def combine(members, values=VALUES, combination=COMBINATION, transport=None):
    totals = SecureTotals(2, 5) if transport is None else SecureTotals(2, 5, transport=transport)
    return combination.combine("both", members, data_of(values), totals)


def test_what_is_learned_on_shares_is_what_pooled_answers_teach_bit_for_bit():
    members = {"model": GOOD, "hub": BAD}
    private, clear = combine(members), combine(members, transport=PooledSum)
    for origin in ORIGINS:
        assert np.array_equal(private[origin].institutions, clear[origin].institutions)
        assert np.array_equal(private[origin].public, clear[origin].public)


def test_the_first_origin_has_the_prior_weights_and_later_ones_follow_the_better_method():
    found = combine({"model": GOOD, "hub": BAD})
    good, bad = (np.log(each[ORIGINS[0]].institutions[..., 11]) for each in (GOOD, BAD))
    first = np.log(found[ORIGINS[0]].institutions[..., 11])
    assert first == pytest.approx(np.log((np.exp(good) + np.exp(bad)) / 2))
    last = found[ORIGINS[-1]].institutions[..., 11] / GOOD[ORIGINS[-1]].institutions[..., 11]
    assert last.max() < 1.1


def test_prior_weights_count_before_there_is_a_past():
    config = CombinationConfig(prior=PriorWeights(model=3.0))
    found = combine({"model": GOOD, "hub": BAD}, combination=Combination(config, (2, 4), ORIGINS))
    middle = (3.0 * GOOD[4].institutions + BAD[4].institutions)[..., 11] / 4.0
    assert found[4].institutions[..., 11] == pytest.approx(middle)


@pytest.mark.parametrize(("sd", "wider"), [(0.02, True), (0.9, False)], ids=["too sure", "not sure enough"])
def test_widths_follow_how_often_past_intervals_held(sd, wider):
    came = VALUES * np.exp(np.random.default_rng(6).normal(0.0, 0.2, VALUES.shape))
    method = forecasts(VALUES, 0.0, sd)
    last = ORIGINS[-1]
    found = combine({"model": method}, values=came)[last].institutions
    widths = [each[..., -3] - each[..., 2] for each in (found, method[last].institutions)]
    assert (widths[0] > widths[1]).all() == wider
    assert (widths[0] < widths[1]).all() != wider


def test_nothing_that_comes_after_an_origin_changes_its_forecast():
    later = VALUES.copy()
    later[:, 9:] *= 5.0
    before, after = combine({"model": GOOD, "hub": BAD}), combine({"model": GOOD, "hub": BAD}, values=later)
    for origin in ORIGINS:
        same = np.array_equal(before[origin].institutions, after[origin].institutions)
        assert same == (origin <= 9)


def test_each_institution_answers_by_its_own_series_alone():
    members = {"model": GOOD, "hub": BAD}
    asked = []

    def transport(manifest, respondents):
        asked.append({name: each.vector(np.full(manifest.length, 13.0)) for name, each in respondents.items()})
        return PooledSum(manifest, respondents)

    combine(members, transport=transport)
    other = VALUES.copy()
    other[0] *= 2.0
    first = list(asked)
    combine(members, values=other, transport=transport)
    scores, again = first[0], asked[len(first)]
    assert not np.array_equal(scores["ward-0"], again["ward-0"])
    assert all(np.array_equal(scores[name], again[name]) for name in scores if name != "ward-0")


def test_without_a_public_series_there_is_no_public_forecast():
    data = dataclasses.replace(data_of(VALUES), events_a_day=None)
    found = COMBINATION.combine("both", {"model": GOOD, "hub": BAD}, data, SecureTotals(2, 5))
    assert all(each.public is None for each in found.values())
