"""A client's process keeps its consent, or refuses a run that its owner does not allow."""

import time

import pytest
import torch

from client_sdk import consent
from lpm_secure.run.processes import run_private
from protocols.errors import ParameterError
from protocols.task import manifest as manifests
from protocols.task import policy

CPU = torch.device("cpu")


def test_every_client_leaves_a_signed_record_of_what_it_consented_to(deploy):
    deployment = deploy()
    run_private(deployment, CPU)
    for client in deployment.testbed.manifest.clients:
        (path,) = deployment.party(client.name).glob("consent-*.json")
        kept = consent.load(path)
        assert (kept.client, kept.run) == (client.name, manifests.run_id(deployment.testbed.manifest))
        assert kept.policy == policy.load_policy(deployment.party(client.name) / "policy.toml").digest


def test_a_client_whose_policy_forbids_the_run_does_not_take_part_and_names_the_line(deploy):
    deployment = deploy()
    path = deployment.party("c") / "policy.toml"
    path.write_text(path.read_text().replace("max_epsilon = inf", "max_epsilon = 1.0"))
    with pytest.raises(ParameterError, match=r"policy\.toml:2: epsilon may be 1, and the manifest releases exact"):
        run_private(deployment, CPU)
    assert not list(deployment.party("c").glob("consent-*.json"))


def test_a_client_with_a_manifest_that_its_operator_did_not_sign_does_not_take_part(deploy):
    deployment = deploy()
    config = deployment.party("c") / "config.toml"
    text = config.read_text()
    key = text.split('operator_key = "')[1][:44]
    config.write_text(text.replace(key, "A" * 43 + "="))
    with pytest.raises(ParameterError, match="was not made over it with the key 0000"):
        run_private(deployment, CPU)


def test_a_client_whose_table_is_wrong_says_so_before_it_calls_anybody_and_pays_nothing(deploy):
    deployment = deploy(compare_contacts=True)
    people = deployment.party("c") / "people.csv"
    people.write_text("\n".join(people.read_text().splitlines()[:-1]))
    deployment.start_party("c")  # and no server, whom it would wait for
    assert deployment.process("c").wait(60) == 2
    (failure,) = deployment.failures()
    assert "people.csv" in failure.reason
    assert not list(deployment.party("c").glob("consent-*.json"))


def test_a_client_without_a_kit_says_for_whom_it_waits_and_pays_nothing_until_they_are_there(deploy):
    deployment = deploy()
    deployment.start_party("c")
    log = deployment.party("c") / "log.jsonl"
    until = time.monotonic() + 60
    while "waiting for" not in log.read_text() and time.monotonic() < until:
        time.sleep(0.2)
    address = deployment.manifest.aggregators[0].address
    assert f"client: waiting for aggregator-0 at {address} (connection refused)" in log.read_text()
    assert not list(deployment.party("c").glob("consent-*.json"))
