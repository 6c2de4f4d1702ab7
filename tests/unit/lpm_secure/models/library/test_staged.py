"""The staged epidemic: the bits of the hand-written substeps, with all interventions and laws by age."""

import random

import numpy as np
import pytest

from lpm_secure.models.library.staged import BANDS, BITS, FULL, NEVER, StagedEpidemic
from lpm_secure.models.tracer import trace
from protocols.models import Exposure
from protocols.models.course import Course, CourseStage
from protocols.models.interventions import InterventionPlan, IsolationPlan, Reduction, TestingPlan, VaccinationPlan
from protocols.models.staging.parameters import StagedModel

DAYS = trace(StagedEpidemic).graph.parameters["testing"].rows
ONE, QUARTERS = 2**32, (2**30,) * 4
NAMES = {"latent": "latent_law", "infectious": "infectious_law", "to_hospital": "hospital_law", "stay": "stay_law"}
NAMES |= {"to_death": "death_law", "kind": "kind_law"}
REDUCED = (Reduction(1, 2, 9, 100), Reduction(1, 5, 20, 77), Reduction(0, 4, 30, 200))
ISOLATED = IsolationPlan(first=3, last=14, delay=2, compliance=3 * 2**30)
TESTED = TestingPlan(first=6, last=25, wait=(2**31, 0, 2**31), coverage=2**31 + 2**29)
VACCINATED = VaccinationPlan(
    first=tuple(range(BANDS)), days=tuple(range(1, BANDS + 1)), coverage=(2**31,) * 4 + (ONE,) * 5, left=30
)
PLANS = {
    "none": InterventionPlan(),
    "contacts": InterventionPlan(reductions=REDUCED),
    "isolation": InterventionPlan(isolation=ISOLATED),
    "tests": InterventionPlan(testing=TESTED),
    "vaccines": InterventionPlan(vaccination=VACCINATED),
    "all": InterventionPlan(REDUCED, ISOLATED, TESTED, VACCINATED),
}


def course(draw):
    """Return laws by age, each of three random weights."""

    def law(length=3):
        cuts = sorted(draw.randrange(ONE) for _ in range(length - 1))
        return tuple(b - a for a, b in zip([0, *cuts], [*cuts, ONE], strict=True))

    laws = {name: tuple(law() for _ in range(BANDS)) for name in NAMES if name != "kind"}
    return Course(kind=tuple(law(4) for _ in range(BANDS)), **laws)


def parameters(spec):
    """Return a hand-written model's figures as those of the library's."""
    plan, by_day = spec.plan, range(DAYS)
    left = [plan.factors(day, 2) for day in by_day]
    given = {model: sum(getattr(spec.course, hand), ()) for hand, model in NAMES.items()}
    given |= {"home_left": tuple(home for home, _ in left), "outside_left": tuple(outside for _, outside in left)}
    given |= {"home_rate": spec.beta[0], "outside_rate": spec.beta[1], "initial": spec.initial}
    if plan.isolation:
        own = plan.isolation
        given["isolating"] = tuple(int(own.first <= day < own.last) for day in by_day)
        given |= {"delay": own.delay, "compliance": own.compliance}
    if plan.testing:
        given["testing"] = tuple(int(plan.testing.first <= day < plan.testing.last) for day in by_day)
        given |= {"wait_law": plan.testing.wait, "reach": plan.testing.coverage}
    if plan.vaccination:
        given |= {f"dose_{name}": getattr(plan.vaccination, name) for name in ("first", "days", "coverage", "left")}
    return given


@pytest.mark.parametrize("name", PLANS)
def test_a_run_has_the_bits_of_the_hand_written_substeps(name, world_of):
    n, key, draw = 400, (5, 17), random.Random(len(name))
    contacts = [(*draw.sample(range(n), 2), draw.randint(1, 3)) for _ in range(2 * n)]
    age = np.array([draw.randrange(BANDS) for _ in range(n)])
    beta = (int(0.2 * 2**BITS), int(0.1 * 2**BITS))
    spec = StagedModel(beta=beta, home=(True, False), course=course(draw), initial=2**29, f=BITS, plan=PLANS[name])
    world = world_of(StagedEpidemic, n, contacts, seed=key[0], columns={"age": age}, **parameters(spec))
    state, model = spec.initial_state(np.arange(n, dtype=np.uint64), key, age), spec.model()
    weights = np.zeros((n, n), dtype=np.int64)
    for a, b, weight in contacts:
        weights[a, b] += weight
        weights[b, a] += weight
    quiet, seen = 0, set()
    for step in range(40):
        for field in ("stage", "timer", "kind", "latent", "first", "second", "tau", "quiet"):
            np.testing.assert_array_equal(world.state[field], state[field], err_msg=f"{field} in step {step}")
        np.testing.assert_array_equal(world.levels["infection"], state["hazard"])
        if spec.plan.vaccination:
            until = np.where(state["vaccine"] == NEVER, NEVER, np.maximum(state["vaccine"] - step, 0))
            np.testing.assert_array_equal(world.state["vaccine"], until)
        said = model.message(state, channels=2)
        state = model.update(state, Exposure(weights @ said[:, :2], np.zeros(n, dtype=np.int64)))
        quiet += int(state["quiet"].sum())
        seen |= set(state["stage"].tolist())
        world.update()
    assert seen == set(CourseStage)
    assert (quiet > 0) == (name in ("isolation", "tests", "all"))
    assert (state["stage"] == CourseStage.S).sum() < n // 2


def test_a_vaccine_that_leaves_all_and_contacts_that_are_whole_change_nothing(world_of):
    contacts, age = [(who, who + 1, 2) for who in range(99)], np.zeros(100, dtype=np.int64)
    worlds = [
        world_of(StagedEpidemic, 100, contacts, columns={"age": age}, initial=2**30, **more)
        for more in ({}, {"dose_coverage": (ONE,) * BANDS, "dose_left": FULL})
    ]
    for _ in range(20):
        for world in worlds:
            world.update()
    np.testing.assert_array_equal(worlds[0].state["stage"], worlds[1].state["stage"])
