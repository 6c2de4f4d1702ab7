"""Relaxed runs with an environment: derivatives go through what it says, and exact runs take its whole numbers."""

import dataclasses
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

import lpm_secure as lpm
from examples.council.council import PolicyNetwork
from lpm_secure.analysis.sensitivity.problem_config import ProblemConfig
from lpm_secure.analysis.sensitivity.setup import setup_of
from lpm_secure.config.simulation import load
from lpm_secure.environments import PublicValue
from lpm_secure.gradients.expectation.model_relaxation import ModelRelaxation
from lpm_secure.run.jobs import simulate_clear
from protocols.errors import ModelError

ROOT = Path(__file__).parents[3]
OFFICE = {"model": "examples.council.council:AdvisedOffice", "agents": 30, "steps": 6, "parameters": {"catching": 0.1}}
COUNCIL = {"name": "examples.council.council:PolicyNetwork", "people": 30}


def setup(**changes):
    return setup_of(ProblemConfig(name="office", **{**OFFICE, "environment": COUNCIL, **changes}), seed=1)


def test_derivatives_by_the_agents_parameters_go_through_the_environment():
    made = setup()
    assert not made.missing
    by = ModelRelaxation().estimate(made.problem, made.theta, range(2))
    for p in range(len(made.theta.names)):
        ends = made.theta.ends(p, 0.01)
        below, above = (ModelRelaxation().estimate(made.problem, end, range(2)).expected for end in ends[:2])
        difference = (above - below) / ends.distance
        np.testing.assert_allclose(by.value[:, p], difference, rtol=2e-3, atol=2e-3 * np.abs(difference).max())
    schedule = tuple(
        {"advice": round(each)} for each in ModelRelaxation().run(made.problem, made.theta).numbers["advice"].tolist()
    )
    open_loop = dataclasses.replace(made.problem, environment=None, public=schedule)
    alone = ModelRelaxation().estimate(open_loop, made.theta, range(2))
    assert np.abs(alone.value - by.value).max() > 0.01 * np.abs(by.value).max()  # what the environment adds


def test_derivatives_by_a_networks_weights_are_differences():
    made, weights = setup(), torch.tensor(PolicyNetwork(30).weights, dtype=torch.float64)

    def ill(given):
        council = PolicyNetwork(30, given.tolist())
        problem = dataclasses.replace(made.problem, environment=lambda: council)
        return council, ModelRelaxation().run(problem, made.theta).series[1].sum()

    council, total = ill(weights)
    total.backward()
    by = torch.cat([each.grad.reshape(-1) for each in council.parameters()])
    for place in (0, 5, 9, 16):
        moved = torch.zeros_like(weights)
        moved[place] = 1e-4
        with torch.no_grad():
            difference = (ill(weights + moved)[1] - ill(weights - moved)[1]) / 2e-4
        assert float(by[place]) == pytest.approx(float(difference), rel=1e-4, abs=1e-9)
    assert float(by.abs().max()) > 1e-3


class Shy(lpm.Model):
    """Stays at home by a public level, or at random by a public number, and after a warning for good."""

    place = lpm.stage("OUT", "HOME", "AWAY")
    level = lpm.public(0, 3)
    percent = lpm.public(-50, 50)

    def begin(self, me, draw):
        return me.set(place="OUT")

    def update(self, me, heard, draw):
        warned = heard[self.level] >= 2
        stays = draw.happens((heard[self.percent] + 50) * 42949672000 // 1000, "stays")
        return me.set(place=lpm.where(warned, "AWAY", lpm.where(stays, "HOME", "OUT")))


class Asks(Shy):
    """Compares a number of many values."""

    def update(self, me, heard, draw):
        return me.set(place=lpm.where(heard[self.percent] > 0, "HOME", "OUT"))


class Wavers(Shy):
    """Draws twice in a step by one number of many values."""

    def update(self, me, heard, draw):
        likely = (heard[self.percent] + 50) * 42949672
        once, again = draw.happens(likely, "once"), draw.happens(likely, "again")
        return me.set(place=lpm.where(once & again, "HOME", "OUT"))


@pytest.mark.parametrize(("level", "percent"), [(0, -50), (1, 7), (1.25, -20.5), (2, 50), (2.75, 0), (3, 3)])
def test_an_announced_number_counts_as_either_of_its_neighbours(level, percent):
    @dataclasses.dataclass
    class Says(lpm.Environment):
        def step(self, before, releases, t):
            given = {"level": level, "percent": percent}
            return {name: PublicValue(round(each), torch.tensor(float(each))) for name, each in given.items()}

    class Numbers(Says):
        def step(self, before, releases, t):
            return {"level": int(level), "percent": int(percent)}

    table = {"name": "schedule", "numbers": {"level": [[0, 0]], "percent": [[0, 0]]}}
    config = ProblemConfig(name="shy", model=f"{__name__}:Shy", agents=10, steps=2, environment=table)
    made = setup_of(config, seed=1)
    whole = level == int(level) and percent == int(percent)
    for environment in (Says, Numbers) if whole else (Says,):
        problem = dataclasses.replace(made.problem, public=(), environment=environment)
        series = ModelRelaxation().run(problem, made.theta).series.detach().numpy()
        away = np.clip(level - 1, 0, 1)
        home = (1 - away) * (percent + 50) * 42949672 / 2**32
        np.testing.assert_allclose(series[:, 1], [10 * (1 - away - home), 10 * home, 10 * away], atol=1e-9)


class Halves(Shy):
    """Rounds a number of many values to few."""

    def update(self, me, heard, draw):
        return me.set(place=lpm.where(draw.happens((heard[self.percent] + 50) // 50 * 2**31, "stays"), "HOME", "OUT"))


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Asks, "acts through less"),
        (Halves, "acts through divide"),
        (Wavers, "moves again and once in one step"),
    ],
)
def test_a_number_of_many_values_that_is_compared_or_rounded_or_moves_two_draws_has_no_relaxed_run(model, why):
    table = {"name": "schedule", "numbers": {"level": [[0, 0]], "percent": [[0, 0]]}}
    config = ProblemConfig(name="shy", model=f"{__name__}:{model.__name__}", agents=5, steps=2, environment=table)
    assert f"percent may be one of 101, and {why}" in setup_of(config, seed=1).missing["relaxed"]


def test_a_network_is_trained_through_relaxed_runs_and_exact_runs_take_its_whole_numbers(monkeypatch):
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs/estimators.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {}
    exec(block, names)
    losses, council = names["losses"], names["council"]
    assert losses[-1] < 0.7 * losses[0]
    assert f"falls from {losses[0]:.2f} to {losses[-1]:.2f}." in page
    config = load(ROOT / "examples/council.toml")
    trained = {**config.environment, "weights": council.weights}
    both = [msgspec.structs.replace(config, steps=6, environment=each) for each in (config.environment, trained)]
    runs = [simulate_clear(each, device="cpu") for each in both]
    assert runs[0].hash != runs[1].hash
    ill = runs[1].of("private", runs[1].names.index("ILL"))
    releases = [lpm.StepTotals({"ILL": int(each)}, {"ILL": 0}) for each in ill]
    said = [council.step({}, releases[:step], step)["advice"].exact for step in range(6)]
    assert runs[1].public["advice"][:6] == said
    assert np.mean(said) > np.mean(runs[0].public["advice"])


def test_a_model_without_relaxed_runs_and_a_source_without_environment_are_told():
    with pytest.raises(ModelError, match="agents move between the cells"):
        lpm.relax("tests.moving_models:Places")
    with pytest.raises(ModelError, match="name this one in its configuration"):
        lpm.relax("seir", steps=2).run(PolicyNetwork(3))
