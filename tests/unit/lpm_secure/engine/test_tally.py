"""What an engine knows of a tally where departures alone are released: all of it without noise and delay laws."""

import numpy as np
import pytest

from lpm_secure.engine.tally import TallyEstimator
from protocols.releases.query import Release, Releases
from protocols.task.release_plan import ReleasePlan


@pytest.fixture
def estimator(manifest_of):
    """Return a function that makes the estimator of a run of ten people that releases one series."""

    def _estimator(name):
        releases = Releases(each=(Release(name=name),)) if name else None
        manifest = manifest_of([range(5), range(5, 10)], releases=releases)
        return TallyEstimator(ReleasePlan.of(manifest), manifest.model, n=10)

    return _estimator


def test_a_tally_that_is_released_is_as_it_was_told(estimator):
    words = np.array([7, 1, 1, 1])
    assert estimator("tally").tally(words) is words
    assert estimator("incidence").tally(words[:0]).size == 0


@pytest.mark.parametrize("name", ["incidence", "running"])
def test_who_left_is_gone_and_everybody_is_somewhere(estimator, name):
    told, new = estimator(name), [2, 1, 0, 3, 0, 0, 0]
    found = []
    for step, each in enumerate(new):
        released = sum(new[: step + 1]) if name == "running" else each
        found.append(told.tally(np.array([released, 0, 0, 0])))
    assert [int(each[0]) for each in found] == [8, 7, 7, 4, 4, 4, 4]
    assert all(each.sum() == 10 for each in found)


def test_stays_of_two_days_are_counted_by_their_laws(estimator):
    """Of stages whose days are known exactly the estimate is the count: two days in one, two in the next."""
    told = estimator("incidence")
    stays = told.model.stays
    assert stays
    found = [told.tally(np.array([each, 0, 0, 0])).tolist() for each in (0, 4, 0, 0, 0, 0, 0)]
    assert found[0] == [10, 0, 0, 0]
    assert found[1] == [6, 4, 0, 0]
    assert found[-1] == [6, 0, 0, 4]
