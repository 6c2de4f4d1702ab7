"""The law of a cohort's risks is found again from noised counts, and what a device tells is drawn towards it."""

import numpy as np
import pytest

from lpm_secure.analysis.risk.personal import Personal, Worlds
from lpm_secure.analysis.risk.risk_law import ESTIMATE, RiskLaw, fit_risk_law

EDGES = (0.01, 0.03, 0.1, 0.3)


def of(infected, healthy, halved=0):
    each = [(1,) * k + (0,) * (healthy - k) for k in (infected, halved)]
    return Personal(*map(Worlds, each))


@pytest.mark.parametrize(("mean", "size"), [(0.05, 20.0), (0.14, 13.0), (0.4, 4.0)])
def test_a_law_is_found_again_by_the_counts_of_many_devices(mean, size):
    draw, worlds, n = np.random.default_rng(1), 128, 20_000
    risks = draw.beta(mean * size, (1 - mean) * size, n)
    devices = [of(k, worlds) for k in draw.binomial(worlds, risks).tolist()]
    counts = np.bincount([each.bin(EDGES) for each in devices], minlength=5) + draw.normal(0, 1.7, 5)
    found = fit_risk_law(counts, EDGES, devices=n, worlds=worlds, sigma=1.7)
    assert found.mean == pytest.approx(mean, rel=0.1)
    assert found.size == pytest.approx(size, rel=0.25)


def test_counts_that_are_noise_alone_and_bins_that_no_world_reaches_are_no_error():
    found = fit_risk_law(np.array([-3.0, 0.0, 2.0, -1.0, 1.0]), EDGES, devices=2, worlds=2, sigma=1.7)
    assert 0 < found.mean < 1


def test_what_is_told_lies_between_the_share_of_ones_worlds_and_the_mean_of_all():
    law = RiskLaw(0.1, 10.0)
    few, many = law.estimate(of(5, 10, 2)), law.estimate(of(500, 1000, 200))
    assert few.before == pytest.approx((1 + 5) / 20)
    assert 0.1 < few.before < many.before < 0.5
    assert few.low < few.before < few.high
    assert many.high - many.low < few.high - few.low
    assert few.halved == pytest.approx(few.before * 3 / 7)
    everywhere, nowhere = law.estimate(of(10, 10, 10)), law.estimate(of(0, 10))
    assert everywhere.halved < everywhere.before
    assert 0 < nowhere.halved < nowhere.before < 0.1
    assert law.estimate(of(0, 0)).before == 0  # ill already


def test_an_estimate_is_its_owners_file_and_prints_nothing(tmp_path):
    told = RiskLaw(0.1, 10.0).estimate(of(5, 10))
    told.write(tmp_path)
    assert (tmp_path / ESTIMATE).stat().st_mode & 0o077 == 0
    assert "0." not in repr(told)
