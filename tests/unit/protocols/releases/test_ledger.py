"""A ledger tells what happened, in order, and shows whatever was changed in it."""

import random
import stat

import msgspec
import pytest

from aggregator.release.ledger import Ledger
from protocols.errors import BadSignature, RecordsDiffer
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
from tests.small_ledger import KEY, PUBLIC, RUN, agreed, opened, told, write_ledger


@pytest.fixture
def path(tmp_path):
    return write_ledger(tmp_path / "ledger.jsonl")


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


NOISED = {"sigma": 2.0, "sensitivity": 1.0, "each": 1, "times": 3, "delta": 1e-6}
NO_NOISE = [
    {"sigma": 0.0},
    {"sigma": -2.0},
    {"sigma": 1e-200},
    {"sigma": 1e308},
    {"sensitivity": 0.0},
    {"sensitivity": 1e200},
    {"each": 0},
    {"times": -1},
    {"times": 10**400},
    {"delta": 1.5},
    {"delta": -1e-6},
]


@pytest.mark.parametrize("changed", NO_NOISE, ids=str)
def test_noise_that_is_none_is_no_line_so_that_no_one_aggregator_ends_the_audit_of_all(changed):
    """Its cost has no number: an audit that reckons with it ended without a report, and named nobody."""
    told = {"name": "incidence", "mechanism": "discrete-gaussian", **NOISED}
    assert ReleaseRecord(**told).sigma == msgspec.convert(told, ReleaseRecord).sigma == 2.0
    with pytest.raises(msgspec.ValidationError, match="incidence has noise of sigma"):
        msgspec.convert(told | changed, ReleaseRecord)


def test_a_line_of_another_history_of_the_same_run_and_key_is_found(path):
    """As of a folder that was put back: who joined stands in no chain of what is agreed."""
    other = opened(path.with_name("other.jsonl"))
    other.write_joining("b", 0)
    lines = path.read_bytes().splitlines(keepends=True)
    _, joined = path.with_name("other.jsonl").read_bytes().splitlines(keepends=True)
    with pytest.raises(BadSignature, match="line 3 does not follow the one before it"):
        ledgers.verify([lines[0], joined, *lines[2:]], PUBLIC)


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


GOLDEN_HEAD = "994dea35671775ffef7fccad1cfdeb0f9871ab92df21d22db476e9292970f9c9"  # sha256sum of head and JSON
