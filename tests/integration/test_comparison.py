"""Clients' processes compare their contacts before they join, over sealed calls and mutual TLS."""

import pytest
import torch

from client_sdk.comparison.report import REPORT
from lpm_secure.run.processes import run_clear, run_private
from tests.integration.conftest import write_active

CPU = torch.device("cpu")


def reports(deployment):
    files = {client.name: deployment.party(client.name) / REPORT for client in deployment.manifest.clients}
    return {name: file.read_text().splitlines()[1:] if file.exists() else None for name, file in files.items()}


@pytest.mark.slow
def test_lists_that_agree_begin_the_run_with_the_bits_that_it_has_without(deploy):
    deployment = deploy(compare_contacts=True)
    private = run_private(deployment, CPU)
    assert private.series.hash == run_clear(deployment.testbed, CPU).series.hash
    assert reports(deployment) == {name: [] for name in "abcd"}
    assert not private.lost


@pytest.mark.slow
def test_clients_of_an_active_run_compare_before_they_hand_over_their_seeds(tmp_path):
    deployment = write_active(tmp_path / "run", steps=3, timeout_s=4.0, compare_contacts=True)
    private = run_private(deployment, CPU)
    assert private.series.hash == run_clear(deployment.testbed, CPU).series.hash
    assert reports(deployment) == {f"client-{number}": [] for number in range(4)}
    assert not private.lost


def test_a_contact_that_one_side_alone_lists_ends_all_clients_before_the_first_step_and_is_told_its_own_client(deploy):
    deployment = deploy(compare_contacts=True)
    own, others = ({*range(first, first + 5)} for first in (100, 115))  # of the clients a and d
    path = deployment.party("a") / "contacts.csv"
    head, *rows = path.read_text().splitlines()
    (lost, *_) = [row for row in rows if {int(end) for end in row.split(",")[1:3]} & others]
    path.write_text("\n".join([head, *(row for row in rows if row != lost)]) + "\n")
    listed = (deployment.party("d") / "contacts.csv").read_text().splitlines()
    deployment.start()
    deployment.wait_for_clients(timeout_s=60.0)
    ended = {failure.name: failure for failure in deployment.failures()}
    assert {name: failure.returncode for name, failure in ended.items()} == {"a": 3, "b": 3, "c": 3, "d": 2}
    assert "contacts with agents of a that are not listed there: 1; see one_sided.csv" in ended["d"].reason
    assert all("d listed contacts with agents of other clients" in ended[name].reason for name in "abc")
    (row,) = reports(deployment)["d"]
    number, step, one, other, channel, weight, client = row.split(",")
    assert (listed[int(number) - 1], client) == (
        f"{step},{one},{other},{channel},{weight}".replace("near", '"near"'),
        "a",
    )
    assert {int(one), int(other)} & own
    assert (deployment.party("d") / REPORT).stat().st_mode & 0o077 == 0
    ledgers = list(deployment.folder.glob("parties/*/ledger-*.jsonl"))
    assert not any(b"joined" in ledger.read_bytes() for ledger in ledgers)
    assert all((deployment.party(name) / "consent-1.json").exists() for name in "abcd")  # letters are paid for too
