"""From a model's name to a problem: its graph, simulated people, and the series that are asked for."""

from typing import Final

import numpy as np

from client_sdk.private.contacts import ContactTable
from lpm_secure.analysis.sensitivity.model_config import ModelProblemConfig, SeriesConfig
from lpm_secure.analysis.sensitivity.setup import ProblemSetup
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.data import workplace
from lpm_secure.data.look_alike import look_alike
from lpm_secure.engine.model_agents import NOWHERE, CellMixing, ContactMatrices
from lpm_secure.gradients.estimators.estimator import Estimator
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives
from lpm_secure.gradients.estimators.model_score import ModelScore
from lpm_secure.gradients.expectation.model_relaxation import ModelRelaxation, chains
from lpm_secure.gradients.model.laws import GammaLaw
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, SeriesOutput, outputs_of
from lpm_secure.gradients.model.point import ModelPoint
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ConfigError, ModelError
from protocols.models.graph import ModelGraph
from protocols.models.graph.agents import GraphModel, tally_of

ESTIMATORS: Final[dict[str, Estimator]] = {
    each.name: each for each in (ModelAlternatives(), ModelScore(), ModelRelaxation())
}


def model_setup(config: ModelProblemConfig, *, seed: int) -> ProblemSetup:
    """Return the problem of a model.

    Raises:
        ModelError, ConfigError, ParameterError: there is no such model, or something does not fit it.
        DataError: its people's data cannot be had.
    """
    families = {name: GammaLaw(law.mean, law.sd) for name, law in config.laws.items()}
    model = graph_model_of(config.model, config.parameters)
    own = {name: family.day_law.law for name, family in families.items()}
    model = GraphModel(model.graph, {**model.parameters, **own})
    theta = ModelPoint.of(model, families, only=config.only)
    people, source = _people(config, model.graph, seed)
    asked = config.outputs or tuple(SeriesConfig(series=word.name) for word in tally_of(model.graph))
    outputs = outputs_of(model.graph, [_output(each, people.n, config.steps) for each in asked], steps=config.steps)
    problem = ModelProblem(config.name, f"{config.model}, {source}", model.graph, people, config.steps, outputs)
    missing = {}
    try:
        chains(problem, theta)
    except ModelError as error:
        missing[ModelRelaxation.name] = str(error)
    return ProblemSetup(problem, theta, ESTIMATORS, ESTIMATORS[ModelAlternatives.name], missing)


def _output(asked: SeriesConfig, n: int, steps: int) -> SeriesOutput:
    last = steps if asked.last is None else asked.last
    first = last if asked.first is None else asked.first
    when = "at the end" if first == last == steps else f"in {first} to {last}"
    return SeriesOutput(f"{asked.series} {when}", asked.series, 1 / (n * max(last - first + 1, 1)), first, last)


def _people(config: ModelProblemConfig, graph: ModelGraph, seed: int) -> tuple[ModelPeople, str]:
    """Return simulated people, and where their contacts come from."""
    draw = np.random.Generator(np.random.Philox(key=seed))
    table, n, source = _contacts(config, seed, draw)
    channels = sum(not channel.cell for channel in graph.channels.values())
    day, a, b = (np.tile(column, channels) for column in (table.day, table.a, table.b))
    channel, weight = np.repeat(np.arange(channels), table.a.size), np.tile(table.weight, channels)
    period = int(table.day.max(initial=0)) + 1
    contacts = ContactMatrices(ContactTable(day, a, b, channel, weight), graph.channels, n=n, period=period)
    of = draw.integers(0, config.cells, n)
    mixes = any(channel.cell for channel in graph.channels.values())
    cells = CellMixing(of, np.bincount(of, minlength=config.cells)) if mixes else NOWHERE
    return ModelPeople(n, contacts if channels else None, cells, _columns(config, graph, n, draw)), source


def _contacts(config: ModelProblemConfig, seed: int, draw: np.random.Generator) -> tuple[ContactTable, int, str]:
    if config.population != "drawn":
        data = look_alike(seed) if config.population == "look_alike" else workplace.load()
        a, b = np.searchsorted(data.people, data.a), np.searchsorted(data.people, data.b)
        return ContactTable(data.day, a, b, np.zeros_like(data.day), data.weight), data.people.size, data.source
    n, count = config.agents, config.agents * config.degree // 2
    a = draw.integers(0, n, count)
    zero, one = np.zeros(count, dtype=np.int64), np.ones(count, dtype=np.int64)
    table = ContactTable(zero, a, (a + draw.integers(1, n, count)) % n, zero, one)
    return table, n, f"{n:,} drawn agents of mean degree {config.degree}"


def _columns(config: ModelProblemConfig, graph: ModelGraph, n: int, draw: np.random.Generator) -> dict[str, I64]:
    private = {name: field for name, field in sorted(graph.fields.items()) if field.private}
    unknown = sorted(set(config.columns) - set(private))
    if unknown:
        raise ConfigError(f"columns has {unknown[0]}; the model's private columns are {', '.join(private) or 'none'}")
    columns = {}
    for name, field in private.items():
        low, high = config.columns.get(name, (field.low, field.high))
        if not field.low <= low <= high <= field.high:
            raise ConfigError(f"columns.{name} is [{low}, {high}]; it must lie in [{field.low}, {field.high}]")
        columns[name] = draw.integers(low, high, n, endpoint=True)
    return columns
