"""An index counts links as what they say; no name of an aggregator makes a ledger or deliveries another one's."""

import pytest

from lpm_secure.audit import index
from lpm_secure.audit.index import LEDGERS, copy_ledgers, deliveries_of
from protocols.identity import signing

NAMES = ("x", "deliveries-x", "ledger-x", "deliveries")


@pytest.fixture
def ledgers(tmp_path):
    """Return the ledgers of aggregators, each with deliveries beside it, as their servers write them."""
    for name in NAMES:
        (tmp_path / name).mkdir()
        for kind in ("ledger", "deliveries"):
            (tmp_path / name / f"{kind}-0123.jsonl").write_text(f"{kind} of {name}")
    return {name: tmp_path / name / "ledger-0123.jsonl" for name in NAMES}


def test_no_aggregators_files_are_taken_for_another_ones(ledgers, tmp_path):
    folder = tmp_path / "run"
    copy_ledgers(ledgers, folder)
    for name in NAMES:
        assert (folder / LEDGERS / f"{name}.jsonl").read_text() == f"ledger of {name}"
        assert deliveries_of(folder, name, NAMES).read_text() == f"deliveries of {name}"
    deliveries_of(folder, "x", NAMES).unlink()
    assert deliveries_of(folder, "x", NAMES) is None  # the ledger of another one is called as they were before
    again = {name: folder / LEDGERS / f"{name}.jsonl" for name in NAMES}  # handed in from there
    copy_ledgers(again, tmp_path / "gathered")
    assert deliveries_of(tmp_path / "gathered", "x", NAMES) is None


def test_in_folders_of_before_deliveries_lie_beside_ledgers(tmp_path):
    (tmp_path / LEDGERS).mkdir()
    (tmp_path / LEDGERS / "deliveries-y.jsonl").touch()
    assert deliveries_of(tmp_path, "y", ("y", "z")) == tmp_path / LEDGERS / "deliveries-y.jsonl"
    assert deliveries_of(tmp_path, "z", ("y", "z")) is None


def test_links_that_were_added_or_turned_are_found_whatever_they_lead_to(tmp_path):
    run, key = tmp_path / "run", signing.new_key()
    (run / "parties").mkdir(parents=True)
    (run / "log").symlink_to("parties")
    index.write(run, key)
    assert index.differences(run, signing.public_of(key)) == []
    (run / "log").unlink()
    (run / "log").symlink_to(tmp_path)
    (run / "ledgers").symlink_to(tmp_path)
    found = index.differences(run, signing.public_of(key))
    assert found == ["ledgers: not there when the run ended", "log: changed"]
