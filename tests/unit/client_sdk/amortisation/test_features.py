"""Features of a series: what is censored or missing is marked, and what is to come is hidden."""

import numpy as np
import pytest

from client_sdk.amortisation.features import Reference, features
from protocols.errors import ParameterError
from tests.amortised_hospitals import REFERENCE, SERIES, WEEKS, series_of


def shown(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what features are made of: guesses, and which of them are no more than that."""
    series = series_of(values)
    return series.guess[None], series.censored[None]


def test_features_mark_what_is_censored_or_missing_and_hide_weeks_to_come() -> None:
    share = np.array([0.3, 0.1])
    read = features(*shown(SERIES), np.array([5]), share, REFERENCE)[0]
    level, growth, censored, told, own = np.split(read, [WEEKS, 2 * WEEKS, 3 * WEEKS, 4 * WEEKS])
    assert told.tolist() == [1, 1, 1, 0, 1, 0]
    assert censored.tolist() == [0, 0, 1, 0, 0, 0]
    assert level[3] == level[5] == 0.0
    assert growth == pytest.approx([0, np.log(9.5 / 4.5), np.log(2.5 / 9.5), 0, 0, 0])
    assert own == pytest.approx([0.75, 0.25, np.log(0.4)])
    later = SERIES.copy()
    later[5] = 4000.0
    assert features(*shown(later), np.array([5]), share, REFERENCE)[0].tolist() == read.tolist()


def test_a_reference_must_fit_together() -> None:
    with pytest.raises(ParameterError, match=r"\[B, W\]"):
        Reference(np.zeros((2, 3)), np.ones(4))
    with pytest.raises(ParameterError, match="spread"):
        Reference(np.zeros((2, 3)), np.zeros(3))
