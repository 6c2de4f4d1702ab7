"""Testbeds of models' graphs: the library's, and users' that are in none."""

import numpy as np
import pytest
from hypothesis import strategies as st

from lpm_secure.models.library.banks import Banks
from lpm_secure.models.library.doses import LeakyVaccination
from lpm_secure.models.library.opinion import Opinion
from lpm_secure.models.library.pandemic_work import PandemicWork
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.library.staged import StagedEpidemic
from lpm_secure.models.library.strains import Strains
from lpm_secure.models.library.supply import Supply
from lpm_secure.models.library.work import LabourMarket
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.synthetic import draw_columns
from lpm_secure.testbed.testbed import Testbed
from protocols.models.agent_model import UNKNOWN
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.inputs import knowable
from tests.conformance.conftest import contact_table, heaviest
from tests.user_models import ENVIRONMENTS, MODELS, Panicking

LAWS = {
    "library-banks": Banks,
    "library-doses": LeakyVaccination,
    "library-opinion": Opinion,
    "library-pandemic_work": PandemicWork,
    "library-staged": StagedEpidemic,
    "library-strains": Strains,
    "library-supply": Supply,
    "library-work": LabourMarket,
}
LIBRARY = {"library-seir": SeirModel, "library-seirs": Seirs} | LAWS
ALL = LIBRARY | MODELS
FEW = ("averaging", "banks", "cheapest", "closures", "crowds", "lenders", "library-seirs")  # every kind of each
EACH = [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in ALL]
SHORT = (2**30,) * 4
GIVEN = dict.fromkeys(("latent_law", "infectious_law", "waning_law"), SHORT) | {"initial": 2**30}
GIVEN |= dict.fromkeys(("home_rate", "outside_rate"), 2**18) | dict.fromkeys(("isolating", "testing"), (1,) * 400)
GIVEN |= {"dose_first": (1,) * 9, "dose_days": (3,) * 9, "dose_coverage": (2**31,) * 9}
GIVEN |= dict.fromkeys(("contact_rate", "contact_rate_a", "contact_rate_b"), 2**29) | {"first": 1, "days": 3}
RANGES = {
    "buffer": (1, 20),
    "doubt": (0, 12),
    "need": (0, 12),
    "cover": (0, 2),
    "caution": (0, 4),
    "reserve": (0, 300),
    "wage": (0, 200),
}
TRACES = {name: trace(model) for name, model in (ALL | {"panicking": Panicking}).items()}


def graph_model(name):
    traced = TRACES[name]
    by_age = {each: (2**29,) * 8 * 9 for each in ("latent_law", "infectious_law") if traced.graph.parameters.get(each)}
    laws = {each: law for each, law in by_age.items() if traced.graph.parameters[each].axes}
    given = GIVEN | laws
    return GraphModel(traced.graph, {each: given.get(each, value) for each, value in traced.parameters.items()})


def has_holders(testbed):
    """Tell whether two clients have agents, as gradients take; a test assumes it, or draws anew."""
    return sum(1 for client in testbed.manifest.clients if client.agents) >= 2


def known(draw, rng, model, n):
    """Draw what holders know of their agents' first states: of some fields and some agents."""
    fields = {name: model.graph.fields[name] for name in knowable(model.graph)}
    names = draw(st.sets(st.sampled_from(sorted(fields))))
    return {
        name: np.where(
            rng.integers(0, 2, n) == 1, UNKNOWN, rng.integers(fields[name].low, fields[name].high, n, endpoint=True)
        )
        for name in sorted(names)
    }


@pytest.fixture(scope="session")
def graph_testbeds(manifest_of):
    """Return a strategy of whole runs of a model's graph: parties, agents, contacts, cells and seeds."""

    @st.composite
    def drawn(draw, name, **changes):
        model = graph_model(name)
        sizes = draw(st.lists(st.integers(0, 6), min_size=1, max_size=8))
        n, c, period = sum(sizes), len(model.contact_channels), draw(st.integers(1, 3))
        moves = len(model.agents.cell_names)
        cells = moves or draw(st.integers(0, 3))
        engine = changes.pop("engine", None)
        engine = (name in ENVIRONMENTS or draw(st.booleans())) if engine is None else engine
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        numbers = rng.choice(2**40, n, replace=False)
        least = n + 40 if moves else n
        table = contact_table(rng, m=draw(st.integers(0, 8 * n)), n=n, c=c, period=period, largest=4)
        manifest = manifest_of(
            [own.tolist() for own in np.split(numbers, np.cumsum(sizes)[:-1])],
            k=changes.pop("k", None) or draw(st.integers(2, 3)),
            model=model,
            model_hash=model.digest,
            channels=model.contact_channels,
            steps=draw(st.integers(1, 8)),
            period=period,
            max_message=max(heaviest(table), 8 * n, 1) * max(model.agents.most),
            cells=tuple(draw(st.lists(st.integers(least, n + 60), min_size=cells, max_size=cells))) if least else (),
            engine=engine,
            testbed_seed=draw(st.integers(0, 2**63 - 1)),
            **{"min_cohort": draw(st.integers(1, sum(map(bool, sizes)) or len(sizes)))} | changes,
        )
        cell = rng.integers(0, cells, n) if manifest.cells and not moves else np.zeros(0, dtype=np.int64)
        agents = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.uint64)
        columns = draw_columns(manifest, agents, RANGES if name in LIBRARY else {}) | known(draw, rng, model, n)
        synthetic = draw(st.integers(0, 40)) if engine else 0
        environment = ENVIRONMENTS.get(name, {})
        return Testbed(manifest, table, cell, synthetic, "drawn", True, columns=columns, environment=environment)

    return drawn
