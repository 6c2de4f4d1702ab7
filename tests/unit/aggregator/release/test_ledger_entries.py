"""What aggregators hold against each other's ledgers."""

import pytest

from aggregator.release.ledger_entries import require_same
from protocols.errors import PartiesDisagree
from protocols.wire.messages import Members
from tests.small_ledger import opened, write_ledger


@pytest.fixture
def path(tmp_path):
    return write_ledger(tmp_path / "ledger.jsonl")


def test_aggregators_whose_ledgers_differ_stop(path):
    ledger = opened(path)
    same = Members(4, (), head=ledger.head(4))
    require_same(ledger, 4, [same, same])
    for head in (bytes(32), b""):  # one that says that it no longer knows has another ledger too
        with pytest.raises(PartiesDisagree, match="ledgers differ before round 4"):
            require_same(ledger, 4, [same, Members(4, (), head=head)])
    with pytest.raises(PartiesDisagree, match="ledgers differ before round 2"):
        require_same(ledger, 2, [Members(2, (), head=ledger.head(2))])  # this one's store was put back
