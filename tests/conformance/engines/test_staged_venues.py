"""The staged model in venues: numba, torch (CPU, CUDA) and the substeps on numpy give the same bits."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpm_secure import checkpoint
from lpm_secure.engine import epidemic
from lpm_secure.engine.tensors.staged_agents import StagedTensorAgents
from lpm_secure.engine.venues import Setting, Venues
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models import Exposure
from protocols.models.course import Course, CourseStage
from protocols.models.interventions import InterventionPlan, IsolationPlan, Reduction, TestingPlan, VaccinationPlan
from protocols.models.staging.parameters import StagedModel

DRAWN = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
)
BANDS, STEPS, N = 3, 20, 400
keys = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))


def law(weights):
    """Return a law in units of 2**-32."""
    scaled = [LAW_TOTAL * weight // sum(weights) for weight in weights]
    scaled[-1] += LAW_TOTAL - sum(scaled)
    return tuple(scaled)


def laws(length):
    """Draw a law for each band, or one for all."""
    one = st.lists(st.integers(0, 9), min_size=length[0], max_size=length[1]).filter(any).map(law)
    return st.one_of(st.tuples(one), st.tuples(*[one] * BANDS))


days = laws((1, 4))
courses = st.builds(
    Course,
    kind=laws((4, 4)),
    latent=st.tuples(*[st.lists(st.integers(1, 9), min_size=1, max_size=3).map(law)] * BANDS),
    infectious=days,
    to_hospital=days,
    stay=days,
    to_death=days,
)
part = st.integers(0, LAW_TOTAL)
day = st.integers(0, STEPS)
reductions = st.builds(Reduction, st.integers(0, 2), first=day, last=day, level=st.integers(0, 256))
plans = st.builds(
    InterventionPlan,
    reductions=st.lists(reductions, max_size=3).map(tuple),
    isolation=st.none() | st.builds(IsolationPlan, first=day, last=day, delay=st.integers(0, 2), compliance=part),
    testing=st.none() | st.builds(TestingPlan, first=day, last=day, wait=st.just(law([1, 2])), coverage=part),
    vaccination=st.none()
    | st.builds(
        VaccinationPlan,
        first=st.tuples(*[day] * BANDS),
        days=st.tuples(*[st.integers(1, 9)] * BANDS),
        coverage=st.tuples(*[part] * BANDS),
        left=st.integers(0, 256),
    ),
)


def venues_of(generator, age):
    """Draw homes, workplaces that some have, and wards that mix by age."""
    home = generator.integers(N // 3, size=N).astype(np.int32)
    work = generator.integers(-1, 20, size=N).astype(np.int32)
    ward = (generator.integers(4, size=N) * BANDS + age).astype(np.int32)
    mixing = generator.integers(1, 600, size=(BANDS, BANDS))
    return Venues.of(
        [
            Setting("home", home, np.full(N // 3, 2)),
            Setting("work", work, generator.integers(1, 30, size=20)),
            Setting("ward", ward, np.full(4 * BANDS, N // 12), mixing),
        ]
    )


def drawn(generator, course, plan):
    """Return a model, venues, numbers and ages."""
    model = StagedModel(
        beta=tuple(generator.integers(1, 2**9, size=3).tolist()),
        home=(True, False, False),
        course=course,
        initial=LAW_TOTAL // 10,
        f=10,
        share_bits=16,
        plan=plan,
    )
    age = generator.integers(BANDS, size=N)
    age[:BANDS] = np.arange(BANDS)
    return model, venues_of(generator, age), generator.integers(2**63, size=N, dtype=np.uint64), age


@pytest.mark.parametrize("device", ["cpu", CUDA])
@given(seed=st.integers(0, 2**32), key=keys, course=courses, plan=plans)
@DRAWN
def test_numba_and_torch_agree_on_the_staged_model(device, seed, key, course, plan):
    model, venues, numbers, age = drawn(np.random.default_rng(seed), course, plan)
    plain = StagedTensorAgents(model, venues, key=key, agents=numbers, age=age, device=torch.device(device))
    compiled = [
        epidemic.StagedVenueAgents(model, venues, key=key, agents=numbers, age=age.astype(np.uint8), threads=threads)
        for threads in (1, 2)
    ]
    for _ in range(STEPS):
        plain.update()
        for agents in compiled:
            agents.update()
            np.testing.assert_array_equal(agents.stage, plain.stage)
            np.testing.assert_array_equal(agents.hazard(), plain.hazard())
            np.testing.assert_array_equal(agents.tally(), plain.tally())
            assert agents.tally().sum() == N


@given(key=keys, course=courses, plan=plans)
@settings(DRAWN, max_examples=5)
def test_torch_agents_go_on_from_a_checkpoint_with_the_same_bits(tmp_path, key, course, plan):
    model, venues, numbers, age = drawn(np.random.default_rng(7), course, plan)
    cpu = torch.device("cpu")
    first, second = (StagedTensorAgents(model, venues, key=key, agents=numbers, age=age, device=cpu) for _ in range(2))
    epidemic.run(first, steps=8)
    checkpoint.save(tmp_path / "c", first.save(), owner="drawn")
    second.load(checkpoint.load(tmp_path / "c", checkpoint.Nothing, owner="drawn")[0])
    for agents in (first, second):
        epidemic.run(agents, steps=8)
    for name, value in first.state.items():
        assert torch.equal(value, second.state[name])


@given(seed=st.integers(0, 2**32), key=keys, course=courses, plan=plans)
@settings(DRAWN, max_examples=8)
def test_the_substeps_are_the_same_on_numpy_and_torch(seed, key, course, plan):
    generator = np.random.default_rng(seed)
    model, _, numbers, age = drawn(generator, course, plan)
    steps = model.model()
    plain = model.initial_state(numbers, key, age)
    tensors = {name: torch.from_numpy(np.asarray(value)) for name, value in plain.items()}
    pressure = np.zeros(N, dtype=np.int64)
    for _ in range(STEPS):
        contact = generator.integers(2**16, size=(N, 3))
        np.testing.assert_array_equal(steps.message(plain, channels=3), steps.message(tensors, channels=3))
        plain = steps.update(plain, Exposure(contact, pressure))
        tensors = steps.update(tensors, Exposure(torch.from_numpy(contact), torch.from_numpy(pressure)))
        for name, value in plain.items():
            np.testing.assert_array_equal(value, tensors[name], err_msg=name)
            assert str(value.dtype) == str(tensors[name].dtype).removeprefix("torch.")


def run(plan, *, seed=3, steps=60):
    """Return the tally after an epidemic of one course in homes and workplaces."""
    generator = np.random.default_rng(seed)
    short, long = ((0, LAW_TOTAL),), ((0, 0, 0, 0, LAW_TOTAL),)
    kinds = (law([3, 6, 1, 0]), law([2, 5, 2, 1]), law([1, 3, 3, 3]))
    course = Course(kinds, short, long, long, long, long)
    n = 6_000
    age = generator.integers(BANDS, size=n)
    venues = Venues.of(
        [
            Setting("home", np.arange(n, dtype=np.int32) // 3, np.full(n // 3, 2)),
            Setting("work", generator.integers(n // 20, size=n).astype(np.int32), np.full(n // 20, 20)),
        ]
    )
    model = StagedModel(
        beta=(60, 90), home=(True, False), course=course, initial=LAW_TOTAL // 100, f=10, share_bits=20, plan=plan
    )
    agents = epidemic.StagedVenueAgents(model, venues, key=(seed, 0), age=age.astype(np.uint8))
    epidemic.run(agents, steps=steps)
    return agents.tally()


def test_each_intervention_lowers_the_epidemic_and_together_they_do_most():
    work, always = Reduction(1, 0, 99, 96), LAW_TOTAL
    plans = [
        InterventionPlan(reductions=(work,)),
        InterventionPlan(isolation=IsolationPlan(0, 99, 1, always)),
        InterventionPlan(testing=TestingPlan(0, 99, (LAW_TOTAL,), always)),
        InterventionPlan(vaccination=VaccinationPlan((0,), (1,), (always,), 96)),
    ]
    together = InterventionPlan((work,), plans[1].isolation, plans[2].testing, plans[3].vaccination)
    free = run(InterventionPlan())[CourseStage.S]
    one_by_one = [run(plan)[CourseStage.S] for plan in plans]
    assert min(one_by_one) > free + 300
    assert run(together)[CourseStage.S] > max(one_by_one)


def test_severe_courses_end_in_recovery_or_death_as_their_law_says():
    end = run(InterventionPlan(), steps=400)
    infected = end[CourseStage.R] + end[CourseStage.D]
    assert end[CourseStage.S] + infected == 6_000
    assert end[CourseStage.D] / infected == pytest.approx((0 + 1 + 3) / 30, abs=0.02)
