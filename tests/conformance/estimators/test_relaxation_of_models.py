"""Relaxed runs of models' graphs: against their own differences, and against the expected dynamics written by hand."""

import numpy as np
import pytest

from lpm_secure.analysis.sensitivity.build import setup_of
from lpm_secure.analysis.sensitivity.model_config import ModelProblemConfig
from lpm_secure.gradients.expectation.mean_field import MeanField
from lpm_secure.gradients.expectation.model_relaxation import ModelRelaxation
from lpm_secure.gradients.problem.theta import Point
from protocols.errors import ModelError
from tests.conformance.estimators.model_worlds import model_problem
from tests.conformance.estimators.test_models import seir_point, seir_problems

NONE = {"doses": {"first", "days"}}  # that act through a comparison
STEP = 0.01  # of differences, as a part of each parameter's length


@pytest.mark.parametrize("name", ["seir", "seirs", "doses", "strains"])
def test_derivatives_of_a_relaxed_run_are_its_own_differences(name):
    problem, point = model_problem(name)
    found = ModelRelaxation().estimate(problem, point, range(2))
    assert {each for p, each in enumerate(point.names) if np.isnan(found.value[:, p]).all()} == NONE.get(name, set())
    for p, each in enumerate(point.names):
        if each in NONE.get(name, set()):
            continue
        ends = point.ends(p, STEP)
        below, above = (ModelRelaxation().estimate(problem, end, range(2)).expected for end in ends[:2])
        difference = (above - below) / ends.distance
        np.testing.assert_allclose(found.value[:, p], difference, rtol=1e-3, atol=1e-3 * np.abs(difference).max())


def test_the_librarys_epidemic_is_relaxed_as_the_one_that_is_written_by_hand():
    by_hand, problem = seir_problems()
    theta = Point(beta=0.12, latent=2.0, infectious=3.0, initial=0.1)
    point, names = seir_point(problem, theta)
    truth = MeanField().estimate(by_hand, theta, range(2)).value[:, :4]
    found = ModelRelaxation().estimate(problem, point, range(2)).value[:, names]
    np.testing.assert_allclose(found, truth, rtol=2e-5, atol=2e-6 * np.abs(truth).max())


def test_a_model_without_a_chain_is_told_so_and_has_its_other_estimators():
    config = ModelProblemConfig(name="opinion", model="opinion", agents=20, steps=3)
    setup = setup_of(config, seed=1, every=False)
    assert "compares the level of the present step alone" in setup.missing["relaxed"]
    with pytest.raises(ModelError):
        ModelRelaxation().estimate(setup.problem, setup.theta, range(2))


def test_a_model_with_a_chain_misses_nothing():
    config = ModelProblemConfig(name="seir", model="seir", agents=20, steps=3)
    assert not setup_of(config, seed=1, every=False).missing
