"""City runs over populations: every back end and any number of threads give the same series; agents are conserved."""

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpm_secure.city.agents import agents_of
from lpm_secure.city.config import CheckpointConfig, CityConfig, EngineConfig
from lpm_secure.city.model import model_of
from lpm_secure.city.run import run
from lpm_secure.config.laws import Delay
from lpm_secure.data import catalogue
from lpm_secure.engine.venues.channels import Venues
from lpm_secure.populations.epidemic.disease_config import (
    DetectConfig,
    DiseaseConfig,
    InterventionsConfig,
    IsolateConfig,
    ReduceConfig,
    VaccinateConfig,
)
from lpm_secure.populations.settings import settings_with_beta
from lpm_secure.populations.source import PopulationConfig
from lpm_secure.populations.synthesis import look_alike, nyc
from tests.repetitions import repetitions

DRAWN = settings(max_examples=repetitions(8), suppress_health_check=list(HealthCheck))
CPU = torch.device("cpu")
CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
)
DAYS, N = 40, 1_500
S, E, A, M, H, R, D = range(7)
HERE = {"household": 0.2, "school": 0.3, "workplace": 0.2, "community": 0.08}
NEVER = CheckpointConfig(every_s=86_400.0)

part = st.floats(0, 1)
day = st.integers(0, DAYS)
delay = st.builds(Delay, st.floats(1, 9), st.floats(0.5, 4))
by_age = st.tuples(delay, delay, delay)
severe = st.tuples(*[st.floats(0, 0.3)] * 3)
diseases = st.builds(
    DiseaseConfig,
    ages=st.just((0, 18, 60)),
    beta=st.just(HERE),
    home=st.sampled_from([("household",), ()]),
    latent=by_age,
    infectious=by_age,
    to_hospital=delay,
    stay=by_age,
    to_death=delay,
    asymptomatic=st.tuples(st.floats(0, 0.6)),
    hospital=severe,
    death=st.just((0.0,)),
    asymptomatic_infectiousness=part,
    initial=st.floats(0.01, 0.2),
)
plans = st.builds(
    InterventionsConfig,
    reduce=st.lists(
        st.builds(ReduceConfig, setting=st.sampled_from(sorted(HERE)), first=day, last=day, left=part), max_size=3
    ).map(tuple),
    isolate=st.none() | st.builds(IsolateConfig, first=day, last=day, delay=st.integers(0, 3), compliance=part),
    test=st.none() | st.builds(DetectConfig, first=day, last=day, wait=delay, coverage=part),
    vaccinate=st.none()
    | st.builds(
        VaccinateConfig,
        first=st.tuples(day, day, day),
        days=st.tuples(*[st.integers(1, 20)] * 3),
        coverage=st.tuples(part, part, part),
        efficacy=part,
    ),
)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    return look_alike.build(tmp_path_factory.mktemp("city") / "a", agents=N, seed=3)


def config_of(population, disease, plan, seed=1, **engine):
    return CityConfig(
        name="drawn",
        seed=seed,
        days=DAYS,
        population=PopulationConfig(path=str(population.path)),
        disease=disease,
        interventions=plan,
        engine=EngineConfig(**engine),
        checkpoint=NEVER,
    )


@pytest.mark.parametrize("device", ["cpu", CUDA])
@given(seed=st.integers(0, 2**63 - 1), disease=diseases, plan=plans)
@DRAWN
def test_back_ends_and_threads_agree_over_drawn_diseases(generated, tmp_path_factory, device, seed, disease, plan):
    disease = msgspec.structs.replace(disease, death=tuple(each / 3 for each in disease.hospital))
    folder = tmp_path_factory.mktemp("run")
    engines = ({"threads": 1}, {"threads": 2}, {"backend": "torch"})
    runs = [
        run(config_of(generated, disease, plan, seed, **engine), generated, device=torch.device(device), folder=folder)
        for engine in engines
    ]
    series = runs[0].series
    assert len({each.series.hash for each in runs}) == 1
    assert (series.counts.sum(axis=1) == N).all()
    assert (np.diff(series.counts[:, S]) <= 0).all()
    assert (np.diff(series.counts[:, D]) >= 0).all()
    assert series.of("deaths").sum() == series.counts[-1, D]
    assert series.of("infections").sum() == N - series.counts[-1, S]


DISEASE = DiseaseConfig(
    beta=HERE,
    latent=Delay(3, 1),
    infectious=Delay(6, 2),
    to_hospital=Delay(5, 2),
    stay=Delay(8, 3),
    to_death=Delay(8, 3),
    asymptomatic=(0.3,),
    hospital=(0.1,),
    death=(0.02,),
    initial=0.02,
)


@pytest.mark.skipif(catalogue.where("nyc_population") is None, reason="nyc_population is not here: lpm data get it")
@pytest.mark.slow
def test_back_ends_agree_on_new_york(tmp_path):
    city = nyc.build(tmp_path / "nyc", agents=3_000, seed=2)
    disease = msgspec.structs.replace(DISEASE, beta=HERE | {"quarters": 0.2})
    plan = InterventionsConfig(reduce=(ReduceConfig(setting="school", first=5, left=0.3),))
    numba, torch_ = (
        run(config_of(city, disease, plan, backend=backend), city, device=CPU, folder=tmp_path).series
        for backend in ("numba", "torch")
    )
    assert numba.hash == torch_.hash
    assert numba.places == ("Bronx", "Brooklyn", "Manhattan", "Queens", "Staten Island")
    assert numba.departure_share > 0.1


@pytest.mark.parametrize("factor", [0.15, 3.0])
def test_a_disease_below_the_epidemic_threshold_dies_out_and_above_it_grows(generated, tmp_path, factor):
    weak = msgspec.structs.replace(DISEASE, beta={name: value * factor for name, value in HERE.items()}, initial=0.01)
    config = msgspec.structs.replace(config_of(generated, weak, InterventionsConfig()), days=300)
    series = run(config, generated, device=CPU, folder=tmp_path).series
    assert series.counts[-1, E : H + 1].sum() == 0
    assert (series.departure_share > 0.8) if factor > 1 else (series.departure_share < 0.08)


def test_contacts_are_symmetric(generated):
    """In each setting, what a member says reaches all members alike, and the mixing of ages has a symmetric rate."""
    for setting in settings_with_beta(generated, HERE):
        if setting.mixing is not None:
            np.testing.assert_array_equal(setting.mixing, setting.mixing.T)
    venues = Venues.of(settings_with_beta(generated, HERE))
    assert venues.member.shape == (N, len(HERE))


def test_admissions_are_recounted_from_the_agents(generated, tmp_path):
    """The events that the recorder counts are those of a naive count over the stages of every agent."""
    config = config_of(generated, DISEASE, InterventionsConfig())
    agents = agents_of(config, model_of(config, generated), CPU)
    before, admitted = agents.stage.copy(), []
    for _ in range(DAYS):
        agents.update()
        now = agents.stage.copy()
        admitted.append(int(((now == H) & (before != H)).sum()))
        before = now
    series = run(config, generated, device=CPU, folder=tmp_path).series
    assert series.of("admissions").tolist() == [0, *admitted]
    assert sum(admitted) > 20


def end_of(generated, folder, plan, *, disease=DISEASE, days=80):
    """Return how many are in each stage at the end."""
    config = msgspec.structs.replace(config_of(generated, disease, plan), days=days)
    return run(config, generated, device=CPU, folder=folder).series.counts[-1]


def test_each_intervention_lowers_the_epidemic_and_together_they_do_most(generated, tmp_path):
    work = tuple(ReduceConfig(setting=name, first=0, left=0.4) for name in ("workplace", "school", "community"))
    plans = {
        "reduce": work,
        "isolate": IsolateConfig(first=0, delay=1, compliance=1.0),
        "test": DetectConfig(first=0, wait=Delay(1, 0.1), coverage=1.0),
        "vaccinate": VaccinateConfig(first=(0,), days=(1,), coverage=(1.0,), efficacy=0.6),
    }
    free = end_of(generated, tmp_path, InterventionsConfig())[S]
    one_by_one = [end_of(generated, tmp_path, InterventionsConfig(**{name: each}))[S] for name, each in plans.items()]
    assert min(one_by_one) > free + 50
    assert end_of(generated, tmp_path, InterventionsConfig(**plans))[S] > max(one_by_one)


def test_severe_courses_end_in_recovery_or_death_as_their_law_says(generated, tmp_path):
    severe = msgspec.structs.replace(DISEASE, hospital=(0.5,), death=(0.3,))
    end = end_of(generated, tmp_path, InterventionsConfig(), disease=severe, days=400)
    assert end[S] + end[R] + end[D] == N
    assert end[D] / (end[R] + end[D]) == pytest.approx(0.3, abs=0.05)
