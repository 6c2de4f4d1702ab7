"""What each party received, from the logs that aggregators leave and the summaries of clients."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import final

import pytest

from lpm_secure.run.ingress import EACH_CLIENT, Ingress, by_party, ingress, table

ROUNDS = 5


@final
@dataclass(frozen=True, slots=True)
class Ended:
    """The folder of a deployment that has ended."""

    folder: Path
    manifest: object

    def party(self, name):
        return self.folder / name


@pytest.fixture
def ended(tmp_path, manifest_of):
    def make(k, told):
        manifest = manifest_of(steps=ROUNDS - 1, k=k)
        for party in manifest.aggregators:
            (tmp_path / party.name).mkdir()
            lines = [json.dumps({"event": event, "bytes": count}) for event, count in told(party.name).items()]
            (tmp_path / party.name / "log.jsonl").write_text("\n".join(["no json", '{"event":"joined"}', *lines]))
        return Ended(tmp_path, manifest)

    return make


def told(name):
    """Return what three aggregators count: each sends the others 10, 20 and 30 bytes of its own computation."""
    own = int(name[-1])
    others = [other for other in range(3) if other != own]
    sent = {f"aggregator-{other} sent": 10 * (own + 1) * ROUNDS for other in others}
    got = {f"aggregator-{other} received": 10 * (other + 1) * ROUNDS for other in others}
    asked = {"Members received": 2 * 3 * ROUNDS, "Members sent": 2 * 7 * ROUNDS}
    calls = {"Sealed received": 100 * ROUNDS, "Sealed sent": 50 * ROUNDS, "Announce received": 4 * ROUNDS}
    dealer = {"dealer received": own * 1000 * ROUNDS, "dealer sent": 8 * ROUNDS}
    return {"computed": sent | got | dealer, "stopped": calls | asked | {"Announce sent": 6 * ROUNDS}}


CLIENTS = {"client-0": {"received_bytes": 40 * ROUNDS}, "client-1": {"received_bytes": 60 * ROUNDS}}


def test_every_byte_is_with_who_received_it_and_from_whom(ended):
    found = {(row.party, row.sender): row.per_step for row in ingress(ended(3, told), CLIENTS)}
    for own in range(3):
        others = sum(10 * (other + 1) for other in range(3) if other != own)
        assert found.pop((f"aggregator-{own}", "aggregators")) == others + 2 * 3 + 2 * 7  # questions, and answers
        assert found.pop((f"aggregator-{own}", "clients")) == 100
        assert found.pop((f"aggregator-{own}", "engine")) == 4
        assert found.pop((f"aggregator-{own}", "dealer")) == own * 1000
    assert found == {("dealer", "aggregators"): 24, ("engine", "aggregators"): 18, (EACH_CLIENT, "aggregators"): 50}


def test_what_all_aggregators_send_each_other_is_what_they_all_receive(ended):
    rows = ingress(ended(3, told), CLIENTS)
    assert sum(row.per_step for row in rows if row.party[:4] == row.sender[:4] == "aggr") == 2 * 60 + 3 * 20


def test_a_run_of_which_no_client_wrote_a_summary_has_no_row_for_clients(ended):
    rows = ingress(ended(2, lambda name: {}), {})
    assert rows == ()


def test_the_file_has_a_line_for_each_row_and_parties_are_added_up():
    rows = (Ingress("a", "clients", 1.25), Ingress("a", "engine", 2.0), Ingress("b", "clients", 4.0))
    content = table(rows).decode().splitlines()
    assert content == ["party,sender,bytes_per_step", "a,clients,1.2", "a,engine,2.0", "b,clients,4.0"]
    assert by_party(rows) == {"a": 3.25, "b": 4.0}
