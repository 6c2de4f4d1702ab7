"""The hand-written epidemic's integers at a point."""

import numpy as np
import pytest

from lpm_secure.engine.kernels.random_graph import homogeneous_graph
from lpm_secure.gradients.problem.epidemic import EpidemicProblem, world_of
from lpm_secure.gradients.problem.outputs import Outputs
from lpm_secure.gradients.problem.theta import Point
from protocols.errors import ParameterError


@pytest.mark.parametrize("given", [{"beta": 1e-14}, {"initial": 1e-11}])
def test_a_parameter_that_would_round_to_0_is_refused(given):
    group, vaccinated = np.zeros(10, dtype=np.int32), np.zeros(10, dtype=np.bool_)
    world = world_of([homogeneous_graph(10, degree=2, seed=1)], steps=2, group=group, vaccinated=vaccinated, first=0)
    problem = EpidemicProblem("ring", "a test", world, Outputs.of((), groups=1, steps=2), 1.0, 1.0)
    with pytest.raises(ParameterError, match=f"{next(iter(given))} is .* rounds to 0"):
        problem.law(Point(**{"beta": 0.1, "latent": 2.0, "infectious": 3.0, "initial": 0.1, **given}))
