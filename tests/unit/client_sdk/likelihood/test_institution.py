"""A hospital's size is found anew for each draw, and its gradient is that of the likelihood so found."""

import msgspec
import numpy as np
import pytest

from tests.calibration_hospitals import OBSERVATION, institution_of


def test_a_hospitals_size_is_the_mode_of_its_posterior():
    hospital = institution_of([30.0, -1.0, np.nan, 80.0], [0.2, 0.3])
    mean = np.array([[20.0, 2.0, 50.0, 60.0], [1.0, 0.1, 3.0, 3.0]])
    a, precision = hospital.size(mean)

    def log_p(at):
        value, _, _ = hospital.likelihood.log_likelihood(mean * np.exp(at)[:, None], hospital.spread)
        return value.sum(axis=1) - 0.5 * (at / hospital.observation.size_sd) ** 2

    assert (log_p(a) > log_p(a + 1e-2)).all()
    assert (log_p(a) > log_p(a - 1e-2)).all()
    curve = (2 * log_p(a) - log_p(a + 1e-3) - log_p(a - 1e-3)) / 1e-6
    assert precision == pytest.approx(curve, rel=0.3)


def test_gradients_are_those_of_the_likelihood_with_its_size_found():
    """By the envelope theorem the size's own motion adds nothing."""
    hospital = institution_of([30.0, 21.0, np.nan, 80.0], [0.2, 0.3], local_steps=0)
    log_x = np.log(np.array([[[100.0, 90.0, 120.0, 300.0], [50.0, 40.0, 60.0, 90.0]]]))
    gradient, _ = hospital.answer(log_x)
    for b in range(2):
        for w in range(4):
            step = np.zeros_like(log_x)
            step[0, b, w] = 1e-5
            up, down = (hospital.answer(log_x + sign * step)[1] for sign in (1, -1))
            assert gradient[0, b, w] == pytest.approx((up - down) / 2e-5, abs=1e-4)


def test_what_is_known_does_not_move_and_a_place_without_a_share_adds_nothing():
    known = msgspec.structs.replace(OBSERVATION, share_sd=0.0, spread_sd=0.0)
    institution = institution_of([30.0, 21.0, 18.0], [0.2, 0.0], observation=known, local_steps=3)
    before, log_x = institution.local.copy(), np.log(np.array([[[100.0, 90.0, 120.0], [1e6, 1e6, 1e6]]]))
    gradient, _ = institution.answer(log_x)
    assert institution.local.tolist() == before.tolist()
    assert not gradient[0, 1].any()
    assert institution.predict_mean(log_x)[0] == pytest.approx([20.0, 18.0, 24.0])
    free = institution_of([30.0, 21.0, 18.0], [0.2, 0.0], local_steps=3)
    free.answer(log_x)
    assert free.local[0] != before[0]
    assert np.exp(free.local[1]) == 0.0
