"""From a configuration to a problem: a model's graph, its people, the series that are asked for, and its estimators."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, final

from lpm_secure.analysis.sensitivity.people import simulate_people
from lpm_secure.analysis.sensitivity.problem_config import STEPS, ProblemConfig, SeriesConfig
from lpm_secure.analysis.sensitivity.run_people import run_problem
from lpm_secure.config import simulation
from lpm_secure.config.environment import environment_of
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.config.simulation import Config
from lpm_secure.environments.schedule import InterventionSchedule
from lpm_secure.gradients.estimators.estimator import Estimator
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives
from lpm_secure.gradients.estimators.model_score import ModelScore
from lpm_secure.gradients.expectation.model_relaxation import ModelRelaxation, chains
from lpm_secure.gradients.model.laws import GammaLaw
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.outputs import SeriesOutput
from lpm_secure.gradients.model.point import ModelPoint
from protocols.errors import ModelError
from protocols.models.graph.agents import GraphModel, tally_of

ESTIMATORS: Final[Mapping[str, Estimator]] = {
    each.name: each for each in (ModelAlternatives(), ModelScore(), ModelRelaxation())
}
DEFAULT: Final = ESTIMATORS[ModelAlternatives.name]


@final
@dataclass(frozen=True, slots=True, eq=False)
class ProblemSetup:
    """What is estimated.

    Attributes:
        problem: with its outputs.
        theta: where.
        missing: of each estimator that there is not for this problem, why.
    """

    problem: ModelProblem
    theta: ModelPoint
    missing: Mapping[str, str] = field(default_factory=dict)


def setup_of(config: ProblemConfig, *, seed: int, run: Config | None = None) -> ProblemSetup:
    """Return a problem.

    Args:
        config: of the problem.
        seed: of its people, where they are simulated for it alone.
        run: in place of the file that the problem names, where it names one.

    Raises:
        ModelError, ConfigError, ParameterError: there is no such model, or something does not fit it.
        DataError: its people's data cannot be had.
    """
    if config.run is not None:
        given = run_problem(simulation.load(Path(config.run)) if run is None else run)
        steps = given.steps if config.steps is None else config.steps
        theta = ModelPoint.of(given.model, given.families, only=config.only, labels=given.labels)
        return _setup(config, theta, given.people, given.source, _announced(given.environment, steps))
    families = {name: GammaLaw(law.mean, law.sd) for name, law in config.laws.items()}
    model = graph_model_of(str(config.model), config.parameters)
    own = {name: family.day_law.law for name, family in families.items()}
    theta = ModelPoint.of(GraphModel(model.graph, {**model.parameters, **own}), families, only=config.only)
    people, source = simulate_people(config, model.graph, seed)
    steps = STEPS if config.steps is None else config.steps
    return _setup(config, theta, people, f"{config.model}, {source}", _announced(config.environment, steps))


def _announced(table: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """Return a problem's steps, and its public numbers as it takes them: those of a schedule, or who says them."""
    made = environment_of(table)
    if isinstance(made, InterventionSchedule):
        return {"steps": steps, "public": tuple(made.step({}, (), t) for t in range(steps))}
    return {"steps": steps, "environment": None if made is None else partial(environment_of, table)}


def _setup(
    config: ProblemConfig, theta: ModelPoint, people: ModelPeople, source: str, announced: Mapping[str, Any]
) -> ProblemSetup:
    steps = announced["steps"]
    config.check_size(people.n, steps)
    asked = config.outputs or tuple(SeriesConfig(series=word.name) for word in tally_of(theta.graph))
    outputs = outputs_of(theta.graph, [_output(each, people.n, steps) for each in asked], steps=steps)
    problem = ModelProblem(config.name, source, theta.graph, people, outputs=outputs, **announced)
    missing = {}
    try:
        chains(problem, theta)
    except ModelError as error:
        missing[ModelRelaxation.name] = str(error)
    return ProblemSetup(problem, theta, missing)


def _output(asked: SeriesConfig, n: int, steps: int) -> SeriesOutput:
    last = steps if asked.last is None else asked.last
    if asked.peak is not None:
        first = asked.first or 0
        return SeriesOutput(f"soft peak of {asked.series}", asked.series, 1 / (n * asked.peak), first, last, peak=True)
    first = last if asked.first is None else asked.first
    when = "at the end" if first == last == steps else f"in {first} to {last}"
    return SeriesOutput(f"{asked.series} {when}", asked.series, 1 / (n * max(last - first + 1, 1)), first, last)
