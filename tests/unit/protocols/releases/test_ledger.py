"""A ledger tells what happened, in order, and shows whatever was changed in it."""

import asyncio
import random
import stat

import msgspec
import pytest

from aggregator.release.ledger import Ledger
from aggregator.release.ledger_entries import require_same
from protocols.errors import BadSignature, PartiesDisagree, RecordsDiffer
from protocols.identity import signing
from protocols.releases import deliveries
from protocols.releases import ledger as ledgers
from protocols.releases.ledger import (
    DeliveryRecord,
    DeliveryRoot,
    JoinEvent,
    RefusalEvent,
    ReleaseRecord,
    RoundEvent,
    RoundRecord,
    StartEvent,
    Trial,
)
from protocols.wire.messages import Members

RUN = bytes(32)
KEY = signing.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = signing.public_of(KEY)


def agreed(number, members=("a", "b", "c")):
    return RoundRecord(
        number=number, step=number, phase=0, members=members, refused=(), releases=(ReleaseRecord("tally", "exact"),)
    )


def told(number):
    return (DeliveryRecord("a", 8, bytes([number]) * 32),)


def opened(path):
    return Ledger(path, run=RUN, name="aggregator-0", key=KEY)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = opened(path)
    ledger.write_joining("a", 0)
    for number in range(4):
        ledger.write_closing(agreed(number, ("a", "b") if number == 3 else ("a", "b", "c")), told(number))
    ledger.write_refusal(4, "budget-spent", "nothing is left")
    return path


def test_a_ledger_tells_what_was_written(path):
    events = ledgers.load(path, PUBLIC)
    assert [type(event) for event in events] == [
        StartEvent,
        JoinEvent,
        RoundEvent,
        RoundEvent,
        RoundEvent,
        RoundEvent,
        RefusalEvent,
    ]
    assert events[5].absent == ("c",)
    assert events[2].told == ()
    assert events[2].deliveries == deliveries.root_of(told(0))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_first_line_of_a_known_key_is_the_same_for_ever():
    line = ledgers.encode_line(0, ledgers.START, StartEvent(RUN, "aggregator-0"), KEY)
    assert line.startswith(
        b'{"version":1,"index":0,"previous":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","event":'
        b'{"type":"begin","run":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","aggregator":"aggregator-0"},"signature":"'
    )
    assert ledgers.head_after(ledgers.START, agreed(0)).hex() == GOLDEN_HEAD


EVENTS_ON_DISK = {
    b'{"type":"join","client":"a","step":2}': JoinEvent("a", 2),
    b'{"type":"refusal","number":4,"code":"budget-spent","reason":"nothing"}': RefusalEvent(
        4, "budget-spent", "nothing"
    ),
    b'{"type":"round","agreed":{"number":1,"step":0,"phase":0,"members":["a"],"refused":[],"releases":[{"name":"tally",'
    b'"mechanism":"exact","sigma":0.0,"sensitivity":1.0,"each":1,"times":1,"unit":"none","delta":0.0}],'
    b'"trials":[{"members":["a"],"fits":true}]},"absent":[],"told":[{"party":"a","size":8,"digest":"'
    + 43 * b"A"
    + b'="}],"head":"'
    + 43 * b"A"
    + b'="}': RoundEvent(
        agreed=RoundRecord(
            number=1,
            step=0,
            phase=0,
            members=("a",),
            refused=(),
            releases=(ReleaseRecord("tally", "exact"),),
            trials=(Trial(("a",), fits=True),),
        ),
        absent=(),
        told=(DeliveryRecord("a", 8, bytes(32)),),
        head=bytes(32),
    ),
    b'{"type":"round","agreed":{"number":1,"step":0,"phase":0,"members":["a"],"refused":[],"releases":[]},"absent":[],'
    b'"deliveries":{"parties":1,"size":8,"root":"' + 43 * b"A" + b'="},"head":"' + 43 * b"A" + b'="}': RoundEvent(
        agreed=RoundRecord(number=1, step=0, phase=0, members=("a",), refused=(), releases=()),
        absent=(),
        deliveries=DeliveryRoot(1, 8, bytes(32)),
        head=bytes(32),
    ),
}


@pytest.mark.parametrize("content", EVENTS_ON_DISK)
def test_events_have_the_same_names_on_disk_for_ever_so_that_old_ledgers_can_be_audited(content):
    event = EVENTS_ON_DISK[content]
    assert msgspec.json.encode(event, order="deterministic") == content
    assert msgspec.json.decode(content, type=ledgers.Event) == event


def test_any_flipped_bit_and_any_cut_is_found(path):
    content, draw = path.read_bytes(), random.Random(1)
    for _ in range(300):
        place = draw.randrange(len(content))
        changed = bytearray(content)
        changed[place] ^= 1 << draw.randrange(8)
        with pytest.raises(BadSignature):
            ledgers.verify(bytes(changed).splitlines(keepends=True), PUBLIC)
    cuts = [cut for cut in range(1, len(content)) if content[cut - 1 : cut] != b"\n"]
    for cut in draw.sample(cuts, 100):
        with pytest.raises(BadSignature):
            ledgers.verify(content[:cut].splitlines(keepends=True), PUBLIC)


def test_lines_left_out_moved_or_of_another_key_are_found(path):
    lines = path.read_bytes().splitlines(keepends=True)
    for wrong in (lines[:2] + lines[3:], lines[1:], [lines[0], lines[2], lines[1], *lines[3:]], []):
        with pytest.raises(BadSignature):
            ledgers.verify(wrong, PUBLIC)
    with pytest.raises(BadSignature, match="was not made over it"):
        ledgers.verify(lines, signing.public_of(signing.new_key()))


def test_a_line_of_another_history_of_the_same_run_and_key_is_found(path):
    """As of a folder that was put back: who joined stands in no chain of what is agreed."""
    other = opened(path.with_name("other.jsonl"))
    other.write_joining("b", 0)
    lines = path.read_bytes().splitlines(keepends=True)
    _, joined = path.with_name("other.jsonl").read_bytes().splitlines(keepends=True)
    with pytest.raises(BadSignature, match="line 3 does not follow the one before it"):
        ledgers.verify([lines[0], joined, *lines[2:]], PUBLIC)


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


def test_aggregators_whose_ledgers_differ_stop(path):
    ledger = opened(path)
    same = Members(4, (), head=ledger.head(4))
    require_same(ledger, 4, [same, same])
    for head in (bytes(32), b""):  # one that says that it no longer knows has another ledger too
        with pytest.raises(PartiesDisagree, match="ledgers differ before round 4"):
            require_same(ledger, 4, [same, Members(4, (), head=head)])
    with pytest.raises(PartiesDisagree, match="ledgers differ before round 2"):
        require_same(ledger, 2, [Members(2, (), head=ledger.head(2))])  # this one's store was put back


def test_a_round_follows_the_one_before_it_though_numbers_may_be_left_out(path):
    ledger = opened(path)
    opened(path).write_closing(agreed(3, ("a", "b")), told(3))  # again
    for number in (1, 2):
        with pytest.raises(RecordsDiffer, match=f"round {number} cannot follow round 3"):
            ledger.write_closing(agreed(number), told(number))


def test_a_ledger_in_which_a_round_is_told_again_is_no_ledger(path, monkeypatch):
    """A store that was put back behind its ledger told a round twice, and the file verified."""
    ledger = opened(path)
    monkeypatch.setattr(Ledger, "number", property(lambda self: 0))
    ledger.write_closing(agreed(1), told(1))
    with pytest.raises(BadSignature, match="line 8 closes round 1 after round 3"):
        ledgers.load(path, PUBLIC)


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


GOLDEN_HEAD = "994dea35671775ffef7fccad1cfdeb0f9871ab92df21d22db476e9292970f9c9"  # sha256sum of head and JSON
