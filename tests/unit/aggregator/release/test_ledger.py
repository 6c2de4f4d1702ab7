"""An aggregator writes its ledger down before it tells, once, and finds it again."""

import asyncio

import pytest

from aggregator.release.ledger import Ledger
from protocols.errors import BadSignature, RecordsDiffer
from protocols.releases import deliveries
from protocols.releases import ledger as ledgers
from protocols.releases.ledger import (
    RoundEvent,
)
from tests.small_ledger import KEY, PUBLIC, agreed, opened, told, write_ledger


@pytest.fixture
def path(tmp_path):
    return write_ledger(tmp_path / "ledger.jsonl")


def test_a_line_torn_by_a_crash_is_taken_away_and_the_ledger_goes_on(path):
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"version":1,"ind')
    opened(path).write_closing(agreed(4), told(4))
    assert path.read_bytes().startswith(whole)
    assert len(ledgers.load(path, PUBLIC)) == 8


def test_a_ledger_that_was_changed_stops_its_aggregator(path):
    path.write_bytes(path.read_bytes().replace(b'"step":0', b'"step":1', 1))
    with pytest.raises(BadSignature):
        opened(path)


def test_the_same_round_again_writes_nothing_and_another_end_stops_the_run(path):
    ledger = opened(path.with_name("other.jsonl"))
    ledger.write_closing(agreed(0), told(0))
    size = path.with_name("other.jsonl").stat().st_size
    again = opened(path.with_name("other.jsonl"))
    again.write_closing(agreed(0), told(0))
    assert path.with_name("other.jsonl").stat().st_size == size
    with pytest.raises(RecordsDiffer, match="another end of round 0"):
        again.write_closing(agreed(0, ("a", "b")), told(0))
    with pytest.raises(RecordsDiffer, match="another end of round 0"):
        again.write_closing(agreed(0), told(1))


def test_a_round_that_a_version_before_wrote_down_is_the_same_when_it_is_told_again(path):
    """It listed every party in place of a root."""
    old = RoundEvent(
        agreed=agreed(4), absent=(), told=told(4), head=ledgers.head_after(opened(path).head(4), agreed(4))
    )
    opened(path)._append(old)
    size = path.stat().st_size
    opened(path).write_closing(agreed(4), told(4))
    assert path.stat().st_size == size
    with pytest.raises(RecordsDiffer, match="another end of round 4"):
        opened(path).write_closing(agreed(4), told(3))


@pytest.mark.parametrize("full", ["ledger-full.jsonl", "deliveries-full.jsonl"])
def test_a_disk_that_takes_a_part_of_a_line_spoils_no_file_and_the_round_is_written_later(path, full):
    resource = pytest.importorskip("resource")
    path = path.with_name("ledger-full.jsonl")
    ledger, beside = opened(path), deliveries.path_beside(path)
    ledger.write_closing(agreed(0), told(0))
    before, limits = [each.read_bytes() for each in (path, beside)], resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(full).stat().st_size + 40, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            ledger.write_closing(agreed(1), told(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before[0]
    assert (beside.read_bytes() == before[1]) == (full == beside.name)  # which is written first
    ledger.write_closing(agreed(1), told(1))
    assert [each.agreed.number for each in ledgers.load(path, PUBLIC) if isinstance(each, RoundEvent)] == [0, 1]
    assert sorted(deliveries.load(beside)) == [0, 1]


def test_a_refusal_that_clients_bring_about_again_and_again_does_not_grow_the_ledger(path):
    size = path.stat().st_size
    for ledger in (opened(path), opened(path)):
        for _ in range(3):
            ledger.write_refusal(4, "budget-spent", "nothing is left")
    assert path.stat().st_size == size
    ledger.write_refusal(4, "budget-spent", "another reason")
    assert path.stat().st_size > size


def test_heads_are_known_of_this_round_and_the_one_before_also_after_a_restart(path):
    ledger, again = opened(path), opened(path)
    assert ledger.head(4) == again.head(4) != ledger.head(3) == again.head(3)
    assert ledger.head(2) == b""


def test_a_run_writes_every_round_down_before_it_is_told(manifest_of, operators_of, tmp_path, run_private):
    manifest = manifest_of(steps=1, min_cohort=1)

    async def act():
        with operators_of(manifest) as operators:
            for index, run in enumerate(operators.runs):
                run._ledger = Ledger(tmp_path / f"{index}", run=run.id, name=f"aggregator-{index}", key=KEY)
            import numpy as np

            from client_sdk import Client, ContactTable, PrivateState

            none = ContactTable(*np.zeros((5, 0), dtype=np.int64))
            clients = await asyncio.gather(
                *(
                    Client.join(
                        manifest,
                        PrivateState(manifest, party.name, contacts=none, cell=np.zeros(0, dtype=np.int64)),
                        operators.transports(party.name),
                    )
                    for party in manifest.clients
                )
            )
            await asyncio.gather(*(client.run() for client in clients))

    asyncio.run(act())
    one, other = ([e for e in ledgers.load(tmp_path / f"{i}", PUBLIC) if isinstance(e, RoundEvent)] for i in (0, 1))
    assert [each.agreed for each in one] == [each.agreed for each in other]
    assert [each.deliveries.parties for each in one] == [3, 3]
    assert one[-1].head == other[-1].head
