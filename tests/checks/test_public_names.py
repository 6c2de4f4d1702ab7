"""The public names of every package: a change here is a change that users see."""

import importlib

import pytest

NAMES = {
    "protocols": [],
    "protocols.arithmetic.sharing": ["Additive", "Clear", "Sharing"],
    "protocols.models": ["Exposure", "Seir", "Stage", "State", "Substep", "SubstepModel"],
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
    "lpm_secure": [
        "CityConfig",
        "Config",
        "Draw",
        "Heard",
        "LAW",
        "Me",
        "Model",
        "NUMBER",
        "Number",
        "PROBABILITY",
        "Population",
        "StageSeries",
        "Summary",
        "cell_message",
        "clip",
        "field",
        "load_config",
        "maximum",
        "message",
        "minimum",
        "observable",
        "outcome",
        "parameter",
        "private",
        "public",
        "rate",
        "ratio",
        "simulate_city",
        "simulate_clear",
        "simulate_private",
        "stage",
        "table",
        "where",
    ],
    "lpm_secure.data": [],
    "lpm_secure.gradients.private": [],
    "lpm_secure.city": [],
    "lpm_secure.engine": [],
    "lpm_secure.engine.epidemic": [
        "Csr",
        "GraphAgents",
        "Observer",
        "SeirVenueAgents",
        "SkipAgents",
        "StageCounts",
        "StagedVenueAgents",
        "StagesBy",
        "Traversal",
        "homogeneous_graph",
        "random_graph",
        "run",
    ],
    "lpm_secure.populations": ["Card", "Population"],
}


@pytest.mark.parametrize("package", NAMES)
def test_the_public_names_of_a_package_are_frozen(package):
    module = importlib.import_module(package)
    assert sorted(getattr(module, "__all__", [])) == NAMES[package]
    assert all(hasattr(module, name) for name in NAMES[package])


def test_the_exported_names_are_found_by_dir_and_a_wrong_one_is_refused():
    lpm = importlib.import_module("lpm_secure")
    assert set(NAMES["lpm_secure"]) <= set(dir(lpm))
    with pytest.raises(AttributeError, match="lpm_secure has no simulate_everything"):
        lpm.simulate_everything  # noqa: B018


def test_every_package_says_what_it_is():
    assert all(importlib.import_module(package).__doc__ is not None for package in NAMES)
