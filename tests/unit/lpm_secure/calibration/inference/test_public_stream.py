"""A public series at the centre: its gradient, what it teaches, and that a fit with it goes on as it was."""

import dataclasses

import numpy as np
import pytest
import torch

from client_sdk.likelihood.observation import Observation
from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from lpm_secure.calibration.inference.public_stream import PublicStream, public_stream
from protocols.errors import ConfigError, DataError, ParameterError
from tests.calibration_hospitals import COURSE, FloatOracle, hospitals, in_process

LAW = Observation(likelihood="negative_binomial", spread=50.0, spread_sd=1.0, size_sd=0.0, share_sd=0.0)
ORIGIN = torch.zeros(1, COURSE.p, dtype=torch.float64)


def stream(local_steps=2, level=1.0):
    """Return the events that the prior's median has, times a level; the third week is missing."""
    events = np.round(7 * level * COURSE.events_a_day(ORIGIN)[0].numpy()) / 7
    events[2] = np.nan
    return PublicStream.of(events, LAW, local_steps=local_steps, period_days=7)


def fitted(rounds=8, *, with_stream=True, sums=None, local_steps=2, level=1.0):
    own = stream(local_steps, level) if with_stream else None
    held = sums or in_process(hospitals(local_steps=0), draws=4)
    return Fit(COURSE, held, FitSchedule(rounds=rounds, draws=4), tuple(hospitals()), stream=own)


def test_the_gradient_by_z_is_that_of_differences() -> None:
    own = stream(local_steps=0, level=1.5)
    z = torch.randn(2, COURSE.p, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    value, jacobian, log_events, by_z = COURSE.with_events(z)
    assert torch.equal(value, COURSE.with_jacobian(z)[0])
    assert torch.equal(jacobian, COURSE.with_jacobian(z)[1])
    assert torch.allclose(log_events, torch.log(7 * COURSE.events_a_day(z)), atol=1e-8)
    gradient = own.by_z(log_events, by_z)

    def log_p(at):
        mean = 7 * COURSE.events_a_day(at).numpy()
        return own.own.likelihood.log_likelihood(mean, own.own.spread)[0].sum(axis=1)

    for j in range(COURSE.p):
        step = torch.zeros_like(z)
        step[:, j] = 1e-5
        assert gradient[:, j].numpy() == pytest.approx((log_p(z + step) - log_p(z - step)) / 2e-5, rel=1e-4, abs=1e-4)


def test_a_fit_goes_where_its_public_series_is() -> None:
    high, none = (fitted(60, with_stream=given, level=2.0) for given in (True, False))
    for fit in (high, none):
        fit.schedule = dataclasses.replace(fit.schedule, rate=0.05)
        fit.run()
    with_stream, without = (float(COURSE.events_a_day(fit.draws(200, seed=1)).mean()) for fit in (high, none))
    truth = 2.0 * float(COURSE.events_a_day(ORIGIN).mean())
    assert abs(np.log(with_stream / truth)) < 0.5 * abs(np.log(without / truth))


def test_federated_draws_are_the_pooled_ones_beside_a_public_series() -> None:
    one, other = fitted(), fitted(sums=FloatOracle(hospitals(local_steps=0)))
    one.run()
    other.run()
    assert torch.allclose(one.draws(20, seed=3), other.draws(20, seed=3), rtol=0, atol=1e-5)


def test_an_interrupted_fit_recalls_what_it_learnt_of_the_public_series(tmp_path) -> None:
    whole, first, second = fitted(), fitted(), fitted()
    whole.run()
    for _ in range(3):
        first.advance()
    first.save(tmp_path / "fit")
    second.load(tmp_path / "fit")
    assert second.stream.own.state.tolist() == first.stream.own.state.tolist()
    second.run()
    assert torch.equal(whole.draws(5, seed=1), second.draws(5, seed=1))
    with pytest.raises(ParameterError, match="start anew"):
        fitted(with_stream=False).load(tmp_path / "fit")


def test_forecasts_of_events_have_the_noise_of_counts_and_begin_where_these_are() -> None:
    own = stream(level=300.0)
    longer = COURSE.lengthen(COURSE.periods + 2)
    events = 200.0 * longer.events_a_day(torch.zeros(2000, longer.p, dtype=torch.float64))
    drawn = own.predict(events, seed=1)
    assert drawn.shape == events.shape
    assert drawn.std(axis=0).min() > 0.0
    assert 1.15 < float(drawn[:, -2].mean() / events[0, -2]) < 1.6
    assert drawn[:, -1] * 7 == pytest.approx(np.round(drawn[:, -1] * 7))


def test_a_law_without_a_series_and_a_value_that_is_no_count_are_refused() -> None:
    given = {"fitted": 2, "local_steps": 0, "period_days": 7}
    assert public_stream(np.ones(3), None, **given) is None
    for nothing in (None, np.array([np.nan, np.nan, 3.0])):
        with pytest.raises(ConfigError, match="no public event is known"):
            public_stream(nothing, LAW, **given)
    with pytest.raises(DataError, match="period 2 is no count"):
        public_stream(np.array([1.0, -1.0, 3.0]), LAW, **given)
