"""What a sum of vectors hides, and what a vector in the clear tells."""

import numpy as np
import pytest
import torch

from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.secure_sum.vector_backends import SharedVectors
from tests.calibration_hospitals import COURSE, KNOWN_SIZE, hospitals, in_process, institution_of


def test_a_plain_gradient_gives_a_hospitals_counts_away_and_its_share_does_not() -> None:
    hospital = institution_of([3.0, 9.0, 14.0, 30.0, 21.0, 8.0], [0.3, 0.1], local_steps=0, observation=KNOWN_SIZE)
    log_x = COURSE.log_mean(torch.zeros(2, COURSE.p, dtype=torch.float64)).numpy()
    truth, contribution = hospital.series.exact, Contribution()
    gradient, _ = hospital.answer(log_x)

    def inverted(seen: np.ndarray) -> np.ndarray:
        mean, r = hospital.predict_mean(log_x)[0], hospital.spread  # the attacker knows all but the counts
        return seen[0].sum(axis=0) * (r + mean) / r + mean

    plain = contribution.decode(contribution.encode(gradient)).reshape(log_x.shape)
    assert inverted(plain) == pytest.approx(truth, abs=1e-4)
    held = {"a": hospital, **hospitals()}
    shares = SharedVectors(in_process(held, draws=2).manifest).split(contribution.encode(gradient), "a", 1)
    assert len(shares) == 2
    for share in shares:
        seen = contribution.decode(share.view(np.int64)).reshape(log_x.shape)
        assert np.abs(inverted(seen) - truth).min() > 1e3
