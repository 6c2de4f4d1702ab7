"""The encoder of an institution's features, and its derivative."""

import numpy as np
import pytest

from client_sdk.amortisation.encoder import Encoder


def test_the_encoders_derivative_agrees_with_finite_differences() -> None:
    shape, rng = Encoder(5, 4, 3), np.random.default_rng(1)
    weights, read, by = shape.begin(1), rng.normal(size=(7, 5)), rng.normal(size=(7, 3))
    found = shape.back(weights, shape.embed(weights, read), by)
    loss = [
        (shape.embed(weights + 1e-6 * step, read).embedding - shape.embed(weights - 1e-6 * step, read).embedding)
        for step in np.eye(shape.size)
    ]
    assert found == pytest.approx(np.array([(by * each).sum() / 2e-6 for each in loss]), abs=1e-7)
