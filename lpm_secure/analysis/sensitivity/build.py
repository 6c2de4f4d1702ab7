"""From a configuration to problems, outputs and estimators."""

from functools import singledispatch
from pathlib import Path
from typing import Final

import numpy as np

from lpm_secure.analysis.sensitivity.config import ProblemConfig
from lpm_secure.analysis.sensitivity.model_config import ModelProblemConfig
from lpm_secure.analysis.sensitivity.model_setup import model_setup
from lpm_secure.analysis.sensitivity.setup import ProblemSetup
from lpm_secure.gradients.estimators.coupled_replay import CoupledReplay
from lpm_secure.gradients.estimators.estimator import Estimator
from lpm_secure.gradients.estimators.gumbel import Gumbel
from lpm_secure.gradients.estimators.perturbation import Perturbation
from lpm_secure.gradients.estimators.score import ScoreEstimator
from lpm_secure.gradients.estimators.smoothing import Smoothing
from lpm_secure.gradients.expectation.mean_field import MeanField
from lpm_secure.gradients.problem.city import city
from lpm_secure.gradients.problem.epidemic import EpidemicProblem, world_of
from lpm_secure.gradients.problem.outputs import ILL, INFECTED, Output, Outputs
from lpm_secure.gradients.problem.sources import ContactSource, homogeneous, office
from protocols.errors import ConfigError

ESTIMATORS: Final[dict[str, Estimator]] = {
    each.name: each for each in (CoupledReplay(), ScoreEstimator(), Perturbation(), MeanField(), Gumbel(), Smoothing())
}
DEFAULT: Final = CoupledReplay()
PER: Final = 1_000  # hospital days are told per so many agents


@singledispatch
def setup_of(config: ProblemConfig | ModelProblemConfig, *, seed: int, every: bool) -> ProblemSetup:
    """Return a problem, with its estimators.

    Args:
        config: of the problem.
        seed: of its people.
        every: ask for outputs by group and window, where there are any, in place of the standard ones.
    """
    raise NotImplementedError(f"{type(config).__name__} is of no problem")


@setup_of.register
def _(config: ProblemConfig, *, seed: int, every: bool) -> ProblemSetup:
    people = people_of(config, seed=seed)
    outputs = totals(config, people) if every else standard_outputs(config, people)
    problem = problem_of(config, people, outputs, seed=seed)
    return ProblemSetup(problem, config.theta.theta(), ESTIMATORS, DEFAULT)


@setup_of.register
def _(config: ModelProblemConfig, *, seed: int, every: bool) -> ProblemSetup:
    return model_setup(config, seed=seed)


def people_of(problem: ProblemConfig, *, seed: int) -> ContactSource:
    """Return a problem's people.

    Raises:
        DataError: the data cannot be had.
    """
    if problem.population == "workplace":
        return office()
    if problem.population == "homogeneous":
        return homogeneous(problem.agents, problem.degree, seed)
    return city(Path(problem.folder) if problem.folder else None, problem.agents, seed, problem.exposure)


def problem_of(
    config: ProblemConfig, people: ContactSource, outputs: tuple[Output, ...], *, seed: int
) -> EpidemicProblem:
    """Return a problem with these outputs."""
    n = people.group.size
    vaccinated = np.random.Generator(np.random.Philox(key=seed)).random(n) < config.vaccinated
    world = world_of(
        people.days, steps=config.steps, group=people.group, vaccinated=vaccinated, first=config.reduction_from
    )
    return EpidemicProblem(
        name=config.name,
        source=people.source,
        world=world,
        outputs=Outputs.of(outputs, groups=world.groups, steps=config.steps),
        latent_sd=config.latent_sd,
        infectious_sd=config.infectious_sd,
        dt=config.dt,
        unit=people.unit,
    )


def standard_outputs(config: ProblemConfig, people: ContactSource) -> tuple[Output, ...]:
    """Return attack rate, soft peak day, and hospital days per 1,000 agents."""
    n, groups = people.group.size, len(people.groups)
    hospital = tuple(PER * config.dt * share / n for share in _hospital(config, groups))
    return (
        Output("attack_rate", INFECTED, (1 / n,) * groups, 0, config.steps),
        Output("peak_day", ILL, (1 / (n * config.peak_width),) * groups, 0, config.steps, peak=True),
        Output("hospital_days", ILL, hospital, 0, config.steps),
    )


def totals(config: ProblemConfig, people: ContactSource) -> tuple[Output, ...]:
    """Return infections and hospital days by group and window, and the soft peak day of all.

    Raises:
        ConfigError: a window outside the run.
    """
    groups = len(people.groups)
    hospital = [config.dt * share for share in _hospital(config, groups)]
    found = [standard_outputs(config, people)[1]]
    for first, last in config.windows or ((0, config.steps),):
        if not first < last <= config.steps:
            raise ConfigError(f"a window is [{first}, {last}]; it must lie within the {config.steps} steps")
        for group, name in enumerate(people.groups):
            one = [float(each == group) for each in range(groups)]
            paid = tuple(share * each for share, each in zip(hospital, one, strict=True))
            found.append(Output(f"infections, {name}, {first} to {last}", INFECTED, tuple(one), first, last))
            found.append(Output(f"hospital days, {name}, {first} to {last}", ILL, paid, first, last))
    return tuple(found)


def _hospital(config: ProblemConfig, groups: int) -> tuple[float, ...]:
    if len(config.hospital) not in (1, groups):
        raise ConfigError(
            f"{config.name}: hospital has {len(config.hospital)} numbers for {groups} groups; give 1 or all"
        )
    return config.hospital * groups if len(config.hospital) == 1 else config.hospital
