"""The public names of every package: a change here is a change that users see."""

import ast
import importlib
from pathlib import Path

import pytest

from tests.checks.tree import Tree, module_name

TREE = Tree(Path(__file__).parents[2])

AUTHORING = [
    "Draw",
    "Edge",
    "Heard",
    "LAW",
    "Me",
    "Model",
    "NUMBER",
    "Number",
    "PROBABILITY",
    "cell",
    "cell_message",
    "clip",
    "field",
    "highest",
    "lowest",
    "maximum",
    "message",
    "minimum",
    "observable",
    "outcome",
    "parameter",
    "period",
    "private",
    "public",
    "rate",
    "ratio",
    "stage",
    "table",
    "where",
]  # what the author of a model needs
ENVIRONMENTS = ["Environment", "PublicValue", "StepTotals"]  # what the author of an environment needs
SCENARIOS = [
    "Analysis",
    "InterventionSchedule",
    "Result",
    "ScenarioComparison",
    "Simulation",
    "ThresholdPolicy",
    "amortise",
    "assimilate",
    "audit",
    "build_population",
    "calibrate",
    "check_model",
    "check_people",
    "check_population",
    "check_series",
    "compare",
    "datasets",
    "evaluate",
    "get_dataset",
    "list_runs",
    "load",
    "open_result",
    "read_population",
    "relax",
    "risk",
    "sensitivity",
    "show_population",
    "sweep",
    "verify_gradients",
]  # what a program or a notebook runs and compares
NAMES = {
    "protocols": [],
    "protocols.arithmetic.sharing": ["Additive", "Clear", "Sharing"],
    "protocols.models": ["State"],
    "protocols.releases.mechanism": ["DiscreteGaussian", "RunningNoise"],
    "protocols.models.graph": [
        "GraphAxis",
        "GraphChannel",
        "GraphField",
        "GraphNode",
        "GraphObservable",
        "GraphOutcome",
        "GraphParameter",
        "ModelGraph",
    ],
    "aggregator.mpc": ["DealerConfig", "Endpoint", "Identity", "MpcWorker", "PartyConfig", "Task", "serve_dealer"],
    "protocols.wire": [],
    "client_sdk": [
        "Client",
        "ContactTable",
        "GrpcTransport",
        "LocalTransport",
        "PrivateState",
        "connect",
        "load_config",
        "load_manifest",
        "read_credentials",
        "read_private_state",
    ],
    "client_sdk.gradients": [],
    "aggregator": ["Aggregator", "Run", "Store"],
    "aggregator.wire": [],
    "lpm_secure": sorted(
        [
            *AUTHORING,
            "CityConfig",
            *ENVIRONMENTS,
            *SCENARIOS,
            "Config",
            "Population",
            "StageSeries",
            "Summary",
            "load_config",
            "simulate_city",
            "simulate_clear",
            "simulate_private",
        ]
    ),
    "lpm_secure.environments": sorted([*ENVIRONMENTS, "InterventionSchedule", "ThresholdPolicy", "UniformDraws"]),
    "lpm_secure.models": sorted([*AUTHORING, "Message", "Observable", "Outcome", "Parameter"]),
    "lpm_secure.engine.backends": ["Backend", "NumpyBackend"],
    "lpm_secure.data": [],
    "lpm_secure.gradients.private": [],
    "lpm_secure.city": [],
    "lpm_secure.engine": [],
    "lpm_secure.populations": ["Card", "Population"],
}


def offered(module):
    """Return the names that a parsed file offers to a type checker: imported as `X as X`, or a literal in `__all__`."""
    imports = (node for node in ast.walk(module) if isinstance(node, ast.ImportFrom))
    names = {name.name for node in imports for name in node.names if name.asname == name.name}
    for node in module.body:
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "__all__"
            and isinstance(node.value, ast.List)
        ):
            names |= set(ast.literal_eval(node.value))
    return sorted(names)


OFFERED = {module_name(path): offered(module) for path, module in TREE.modules.items() if path.name == "__init__.py"}


def test_every_package_that_offers_names_is_here():
    assert {package for package, names in OFFERED.items() if names} == {package for package in NAMES if NAMES[package]}


@pytest.mark.parametrize("package", NAMES)
def test_the_public_names_of_a_package_are_frozen(package):
    module = importlib.import_module(package)
    assert sorted(getattr(module, "__all__", OFFERED[package])) == NAMES[package]
    assert all(hasattr(module, name) for name in NAMES[package])


@pytest.mark.parametrize("package", NAMES)
def test_a_type_checker_sees_the_names_that_a_package_has(package):
    assert OFFERED[package] == NAMES[package]


def test_the_exported_names_are_found_by_dir_and_a_wrong_one_is_refused():
    lpm = importlib.import_module("lpm_secure")
    assert set(NAMES["lpm_secure"]) == {name for name in dir(lpm) if not name.startswith("_")}
    with pytest.raises(AttributeError, match="lpm_secure has no simulate_everything"):
        lpm.simulate_everything  # noqa: B018


def test_every_package_says_what_it_is():
    assert all(importlib.import_module(package).__doc__ is not None for package in NAMES)
