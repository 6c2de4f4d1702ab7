"""Models that users wrote, over real processes: private equals clear, and a run is audited like any other."""

import dataclasses

import msgspec
import numpy as np
import pytest

from lpm_secure.audit import rules
from lpm_secure.audit.audit import audit
from lpm_secure.audit.collect import collect
from lpm_secure.engine.device import device_of
from lpm_secure.models.tracer import trace
from lpm_secure.run.processes import run_clear, run_private
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.synthetic import draw_columns
from lpm_secure.testbed.testbed import build
from protocols.models.graph.agents import GraphModel
from protocols.releases import ledger
from protocols.task import signature as signatures
from protocols.task.rounds import Phase
from tests.integration.conftest import small_config, small_data
from tests.user_models import ENVIRONMENTS, MODELS

CPU = device_of("cpu")


def deployed(folder, name, *, k, security="semi-honest", **protocol):
    """Return a deployment of the small run with another model."""
    given = {"aggregators": k, "join_timeout_s": 60.0, "round_timeout_s": 8.0} | protocol
    config = small_config(mode="outcome", **given)
    private = msgspec.structs.replace(config.private, security=security)
    config = msgspec.structs.replace(config, private=private, steps=5)
    testbed = build(config, small_data(), free_addresses(config.protocol.addresses))
    traced = trace(MODELS[name])
    model = GraphModel(traced.graph, dict(traced.parameters))
    manifest = msgspec.structs.replace(
        testbed.manifest,
        model=model,
        model_hash=model.digest,
        channels=model.contact_channels,
        max_message=testbed.manifest.max_message * max(model.agents.most),
        cells=(1000,) * len(model.agents.cell_names) or testbed.manifest.cells,
    )
    agents = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.uint64)
    columns = draw_columns(manifest, agents)
    environment = ENVIRONMENTS.get(name, {})
    cell = testbed.cell[:0] if model.agents.cell_field else testbed.cell
    changed = dataclasses.replace(testbed, manifest=manifest, columns=columns, environment=environment, cell=cell)
    deployment = Deployment(folder, changed)
    deployment.write()
    return deployment


@pytest.mark.parametrize(
    ("name", "k"),
    [
        pytest.param("opinion", 3, marks=pytest.mark.slow),
        ("crowds", 2),
        pytest.param("density", 2, marks=pytest.mark.slow),
        pytest.param("averaging", 2, marks=pytest.mark.slow),
    ],
)
def test_a_users_model_over_real_processes_equals_the_clear_run(tmp_path, name, k):
    deployment = deployed(tmp_path / "run", name, k=k)
    private, clear = run_private(deployment, CPU), run_clear(deployment.testbed, CPU)
    assert private.series.hash == clear.series.hash
    assert private.lost == ()
    assert len({row.tobytes() for row in clear.series.counts[:, 0]}) > 1  # something happened
    collect(deployment)
    report = audit(deployment.folder, operator_key=deployment.operator_key)
    assert report.findings == 0, report.checks
    assert len(report.checks) >= 8


@pytest.mark.parametrize("security", ["semi-honest", "active"])
def test_an_environment_that_reacts_over_real_processes_is_in_the_ledgers_and_replayed(tmp_path, security):
    deployment = deployed(tmp_path / "run", "closures", k=2, security=security)
    private = run_private(deployment, CPU)
    fresh = run_clear(deployment.testbed, CPU)  # an environment of its own, asked anew
    silent = dataclasses.replace(deployment.testbed, environment={"name": "no.such:Environment"})
    replayed = run_clear(silent, CPU, public=private.series.public)
    assert private.series.hash == fresh.series.hash == replayed.series.hash
    assert len(set(private.series.public["weather"])) > 1
    assert private.series.table().column_names[-2:] == ["public_closure", "public_weather"]
    collect(deployment)
    report = audit(deployment.folder, operator_key=deployment.operator_key)
    assert report.findings == 0, report.checks
    assert "every public number is one that the model hears, in its range" in report.checks
    for party in deployment.testbed.manifest.aggregators:
        key = signatures.trust_of(deployment.testbed.manifest).keys[party.name].identity
        written = rules.rounds(ledger.load(deployment.folder / "ledgers" / f"{party.name}.jsonl", key))
        told = [each.public for each in written if each.phase == Phase.SPEAK]
        assert {name: [numbers[name] for numbers in told] for name in told[0]} == private.series.public
        assert not any(each.public for each in written if each.phase != Phase.SPEAK)
