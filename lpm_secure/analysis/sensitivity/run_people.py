"""The people of a run's configuration, own ones and what is known of them too, as those of a problem of gradients."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.config.model import parameter_names, table_laws, table_model
from lpm_secure.config.simulation import Config
from lpm_secure.engine.model_agents import NOWHERE, CellMixing, ContactMatrices
from lpm_secure.gradients.model.laws import GammaLaw
from lpm_secure.gradients.model.model_problem import ModelPeople
from lpm_secure.run.jobs import local_testbed
from lpm_secure.testbed.synthetic import SYNTHETIC_FROM, cells_of, draw_columns
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import UNKNOWN, Columns
from protocols.models.graph.agents import GraphModel
from protocols.task.parties import agents_of


class RunProblem(NamedTuple):
    """A run without its clients.

    Attributes:
        model: with its parameters.
        families: of the laws of a table `[model]`, by name.
        labels: what the configuration calls parameters, by the graph's names.
        people: private ones, and synthetic ones that they meet in cells.
        source: the model, and where they come from, in words.
        environment: as it has it.
        steps: T.
    """

    model: GraphModel
    families: Mapping[str, GammaLaw]
    labels: Mapping[str, str]
    people: ModelPeople
    source: str
    environment: Mapping[str, Any]
    steps: int


def run_problem(run: Config) -> RunProblem:
    """Return a run's model and read its people.

    Raises:
        ConfigError, DataError, ModelError, ParameterError: what `lpm run` would refuse.
    """
    config = msgspec.structs.replace(run, gradient=None)
    testbed = local_testbed(config)
    columns = {name: values for name, values in testbed.columns.items() if (values != UNKNOWN).any()}
    model, families, labels = _model(config, columns)
    people, left_out = _people(testbed, model, columns)
    name = config.model if isinstance(config.model, str) else "the table [model]"
    synthetic = people.n > agents_of(testbed.manifest.clients)
    source = f"{name}, {testbed.source}{left_out}{_names(model, synthetic=synthetic)}"
    return RunProblem(model, families, labels, people, source, config.environment, config.steps)


def _names(model: GraphModel, *, synthetic: bool) -> str:
    """Return how the series of `lpm run` are called that an output counts, by the first of them."""
    if not model.agents.tally:
        return ""
    name = model.agents.tally[0].name
    return f"; {name} is private_{name}{f' + synthetic_{name}' if synthetic else ''} of lpm run, and so on"


def _model(config: Config, columns: Columns) -> tuple[GraphModel, Mapping[str, GammaLaw], Mapping[str, str]]:
    """Return the model; that of a table knows of line lists only where there is one, for laws of thresholds' own."""
    if isinstance(config.model, str):
        return graph_model_of(config.model, config.parameters), {}, {}
    plain = table_model(config.model, dt=config.dt, listed=False)
    listed = not set(columns) <= set(plain.graph.fields)
    model = table_model(config.model, dt=config.dt, listed=True) if listed else plain
    laws = {name: GammaLaw(law.mean, law.sd, config.dt) for name, law in table_laws(config.model).items()}
    labels = {
        own: name for name, own in parameter_names(config.model, relaxed=False).items() if own in model.graph.parameters
    }
    return model, laws, labels


def _people(testbed: Testbed, model: GraphModel, given: Columns) -> tuple[ModelPeople, str]:
    manifest, own = testbed.manifest, agents_of(testbed.manifest.clients)
    lives = testbed.city is not None and testbed.city.population is not None
    more = 0 if lives else testbed.synthetic
    words = f", without its {testbed.synthetic:,} synthetic agents, who live in a population" if lives else ""
    numbers = np.arange(more, dtype=np.uint64) + np.uint64(SYNTHETIC_FROM)
    drawn = draw_columns(manifest, numbers, testbed.city.columns if testbed.city else {})
    columns = {name: _joined(name, values, drawn, more) for name, values in given.items()}
    mixing = NOWHERE
    if manifest.cells and model.agents.cell_channels:
        stay = model.graph.cell_field is None
        of = np.concatenate([testbed.cell, cells_of(numbers, manifest)]) if stay else testbed.cell[:0]
        mixing = CellMixing(of, np.array(manifest.cells, dtype=np.int64))
    graph = model.graph
    contacts = ContactMatrices(testbed.contacts, graph.channels, n=own + more, period=manifest.period)
    return ModelPeople(own + more, contacts if model.contact_channels else None, mixing, columns, more), words


def _joined(name: str, values: I64, drawn: Mapping[str, I64], more: int) -> I64:
    """Return a column of private agents and of synthetic ones, of whom nothing is known."""
    joined: I64 = np.concatenate([values, drawn.get(name, np.full(more, UNKNOWN))])
    return joined
