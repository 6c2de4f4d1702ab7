"""Problems of the library's models among drawn people, for tests of estimators."""

from functools import partial

import numpy as np

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.model_agents import NOWHERE, CellMixing, ContactMatrices
from lpm_secure.environments import ThresholdPolicy
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.outputs import SeriesOutput
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.reference import find
from lpm_secure.models.tracer import trace
from protocols.models.graph.agents import GraphModel, tally_of
from tests.user_models import Council

CELLS = 3
STAYS = {"latent_law": (2**30,) * 4, "infectious_law": (2**30,) * 4}
SHORT = {**STAYS, "waning_law": (2**30,) * 4}
GIVEN = {
    "seir": {"contact_rate": 0.1, "cell_rate": 0.3, "initial": 0.1},
    "seirs": {"contact_rate": 0.1, "cell_rate": 0.3, "initial": 0.1, **SHORT},
    "doses": {"contact_rate": 0.1, "cell_rate": 0.3, "initial": 0.1, "first": 2, "days": 3, **STAYS},
    "strains": {"contact_rate_a": 0.1, "contact_rate_b": 0.08, "initial": 0.2, "share_b": 0.4},
    "work": {},
    "opinion": {"attention": 0.6, "wavering": 0.1, "leaning": 0.3, "start": 0.4},
    "banks": {"shock": 0.1},
    "supply": {"shock": 0.2},
    "tests.moving_models:Places": {"catching": 0.06},  # of ten in a place none is sure to be caught
    "tests.moving_models:Density": {},
    "tests.user_models:Closures": {},
    "examples.closures.closures:Office": {"first": 0.25},
}
ENVIRONMENTS = {
    "tests.user_models:Closures": Council,
    "examples.closures.closures:Office": partial(ThresholdPolicy, "closure", "ILL", above=12, below=6),
}
COLUMNS = {
    "tests.moving_models:Places": {"habit": (0, 2)},
    "tests.moving_models:Density": {"habit": (0, 2)},
    "tests.user_models:Closures": {"tolerance": (0, 6)},
    "work": {"wage": (80, 120), "reserve": (0, 300), "caution": (1, 4)},
    "opinion": {"doubt": (0, 4)},
    "banks": {"buffer": (2, 9)},
    "supply": {"need": (0, 6), "cover": (0, 2)},
}


def model_problem(name, *, n=48, steps=8, seed=1):
    """Return a problem and its point: drawn contacts, cells and columns; a series' share at the end, and its sum."""
    traced = trace(find(name))
    graph, rng, m = traced.graph, np.random.default_rng(seed), 3 * n
    given = {
        each: value if isinstance(value, tuple) else round(value * 2 ** graph.parameters[each].bits)
        for each, value in GIVEN[name].items()
    }
    channels = sum(not channel.cell for channel in graph.channels.values())
    a = rng.integers(0, n, m)
    b = (a + rng.integers(1, n, m)) % n
    table = ContactTable(rng.integers(0, 2, m), a, b, rng.integers(0, channels, m), rng.integers(1, 3, m))
    of = rng.integers(0, CELLS, n)
    moves = graph.cell_field is not None
    mixing = CellMixing(of[:0], np.full(CELLS, n)) if moves else CellMixing(of, np.bincount(of, minlength=CELLS))
    columns = {each: rng.integers(low, high + 1, n) for each, (low, high) in COLUMNS.get(name, {}).items()}
    people = ModelPeople(
        n,
        ContactMatrices(table, graph.channels, n=n, period=2),
        mixing if any(channel.cell for channel in graph.channels.values()) else NOWHERE,
        columns,
        synthetic=8,
    )
    words = [word.name for word in tally_of(graph)]
    outputs = [SeriesOutput(f"{word} at the end", word, 1 / n, steps, steps) for word in words[1:]]
    outputs.append(SeriesOutput(f"{words[0]} in all", words[0], 1 / n, 0, steps))
    laid = outputs_of(graph, outputs, steps=steps)
    problem = ModelProblem(name, "drawn people", graph, people, steps, laid, environment=ENVIRONMENTS.get(name))
    return problem, ModelPoint.of(GraphModel(graph, {**traced.parameters, **given}))
