"""Relaxed runs of models' graphs: against their own differences, and against expected dynamics written out."""

import numpy as np
import pytest

from client_sdk.private.contacts import ContactTable
from lpm_secure.analysis.sensitivity.problem_config import ProblemConfig
from lpm_secure.analysis.sensitivity.setup import setup_of
from lpm_secure.engine.model_agents import ContactMatrices
from lpm_secure.gradients.expectation.model_relaxation import ModelRelaxation
from lpm_secure.gradients.model.laws import GammaLaw
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.outputs import SeriesOutput
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace
from protocols.errors import ModelError
from protocols.models.graph.agents import GraphModel
from tests.conformance.estimators.model_worlds import model_problem

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


def epidemic(*, n=60, steps=12):
    """Return the library's S-E-I-R among drawn people, and its point; a soft peak is one of the outputs."""
    rng, m = np.random.default_rng(5), 3 * n
    a = rng.integers(0, n, m)
    b = (a + rng.integers(1, n, m)) % n
    table = ContactTable(np.zeros(m, int), a, b, np.zeros(m, int), rng.integers(1, 3, m))
    graph = trace(SeirModel).graph
    people = ModelPeople(n, ContactMatrices(table, graph.channels, n=n, period=1))
    asked = [
        SeriesOutput("left", "S", 1 / n, steps, steps),
        SeriesOutput("ill", "I", 1 / n, 0, steps),
        SeriesOutput("peak", "I", 20 / n, 0, steps, peak=True),
    ]
    problem = ModelProblem("epidemic", "a test", graph, people, steps, outputs_of(graph, asked, steps=steps))
    given = {"contact_rate": round(0.12 * 2**32), "cell_rate": 0, "initial": round(0.1 * 2**32)}
    families = {"latent_law": GammaLaw(2.0, 1.0), "infectious_law": GammaLaw(3.0, 1.2)}
    laws = {name: family.day_law.law for name, family in families.items()}
    return problem, ModelPoint.of(GraphModel(graph, {**given, **laws}), families)


def mean_field(problem, point):
    """Return the outputs of expected dynamics: each is infected at its expected hazard, and stays as long as drawn.

    Source: Van Mieghem, Omic and Kooij, Virus spread in networks, IEEE/ACM ToN 17 (2009).
    """
    at = {name: point[p] for p, name in enumerate(point.names)}
    latent, stay = (point.families[name][0].day_law.weight for name in ("latent_law", "infectious_law"))
    steps, n = problem.steps, problem.people.n
    longer = np.concatenate([np.cumsum(stay[::-1])[::-1], np.zeros(steps + 1)])  # P(a stay of more than a steps)
    kernel = np.zeros(steps + 1)  # P(infectious a steps after the infection)
    for days, weight in enumerate(latent, start=1):
        for after in range(days + 1, steps + 1):
            kernel[after] += weight * longer[after - days - 1]
    matrix, free, new = problem.people.contacts.matrix("contact", step=0), np.full(n, 1 - at["initial"]), []
    series = np.zeros((4, steps + 1))
    for t in range(steps + 1):
        ill = at["initial"] * longer[t] + sum((each * kernel[t - s] for s, each in enumerate(new)), np.zeros(n))
        series[0, t], series[2, t] = free.sum(), ill.sum()
        new.append(free * -np.expm1(-at["contact_rate"] * (matrix @ ill)))
        free = free - new[-1]
    return problem.outputs.value(series)


def test_the_librarys_epidemic_is_relaxed_as_expected_dynamics_are_written_out():
    problem, point = epidemic()
    found = ModelRelaxation().estimate(problem, point, range(2))
    np.testing.assert_allclose(found.expected, mean_field(problem, point), rtol=2e-6)
    for p, name in enumerate(point.names):
        if name != "cell_rate":  # there are no cells
            ends = point.ends(p, STEP)
            difference = (mean_field(problem, ends.above) - mean_field(problem, ends.below)) / ends.distance
            np.testing.assert_allclose(found.value[:, p], difference, rtol=1e-3, atol=1e-3 * np.abs(difference).max())


def test_a_model_without_a_chain_is_told_so_and_has_its_other_estimators():
    setup = setup_of(ProblemConfig(name="opinion", model="opinion", agents=20, steps=3), seed=1)
    assert "compares the level of the present step alone" in setup.missing["relaxed"]
    with pytest.raises(ModelError):
        ModelRelaxation().estimate(setup.problem, setup.theta, range(2))


def test_a_model_with_a_chain_misses_nothing():
    assert not setup_of(ProblemConfig(name="seir", model="seir", agents=20, steps=3), seed=1).missing
