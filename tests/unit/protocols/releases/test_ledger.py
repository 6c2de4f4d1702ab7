"""A ledger tells what happened, in order, and shows whatever was changed in it."""

import asyncio
import random
import stat

import pytest

from aggregator.release.ledger import Ledger
from aggregator.release.ledger_entries import require_same
from protocols.errors import BadSignature, PartiesDisagree
from protocols.identity import signing
from protocols.releases import ledger as ledgers
from protocols.releases.ledger import Agreed, Begin, Closing, Joining, Opened, Refusal, Told
from protocols.wire.messages import Members

RUN = bytes(32)
KEY = signing.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = signing.public_of(KEY)


def agreed(number, members=("a", "b", "c")):
    return Agreed(
        number=number, step=number, phase=0, members=members, refused=(), releases=(Opened("tally", "exact"),)
    )


def told(number):
    return (Told("a", 8, bytes([number]) * 32),)


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
    assert [type(event) for event in events] == [Begin, Joining, Closing, Closing, Closing, Closing, Refusal]
    assert events[5].absent == ("c",)
    assert events[2].told == told(0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_first_line_of_a_known_key_is_the_same_for_ever():
    line = ledgers.written(0, ledgers.START, Begin(RUN, "aggregator-0"), KEY)
    assert line.startswith(
        b'{"version":1,"index":0,"previous":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","event":'
        b'{"type":"begin","run":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","aggregator":"aggregator-0"},"signature":"'
    )
    assert ledgers.head_after(ledgers.START, agreed(0)).hex() == GOLDEN_HEAD


def test_any_flipped_bit_and_any_cut_is_found(path):
    content, draw = path.read_bytes(), random.Random(1)
    for _ in range(300):
        place = draw.randrange(len(content))
        changed = bytearray(content)
        changed[place] ^= 1 << draw.randrange(8)
        with pytest.raises(BadSignature):
            ledgers.read(bytes(changed).splitlines(keepends=True), PUBLIC)
    cuts = [cut for cut in range(1, len(content)) if content[cut - 1 : cut] != b"\n"]
    for cut in draw.sample(cuts, 100):
        with pytest.raises(BadSignature):
            ledgers.read(content[:cut].splitlines(keepends=True), PUBLIC)


def test_lines_left_out_moved_or_of_another_key_are_found(path):
    lines = path.read_bytes().splitlines(keepends=True)
    for wrong in (lines[:2] + lines[3:], lines[1:], [lines[0], lines[2], lines[1], *lines[3:]], []):
        with pytest.raises(BadSignature):
            ledgers.read(wrong, PUBLIC)
    with pytest.raises(BadSignature, match="was not made over it"):
        ledgers.read(lines, signing.public_of(signing.new_key()))


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
    with pytest.raises(PartiesDisagree, match="another end of round 0"):
        again.write_closing(agreed(0, ("a", "b")), told(0))


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
    require_same(ledger, 4, [same, Members(4, ())])
    with pytest.raises(PartiesDisagree, match="ledgers differ before round 4"):
        require_same(ledger, 4, [same, Members(4, (), head=bytes(32))])


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
    one, other = ([e for e in ledgers.load(tmp_path / f"{i}", PUBLIC) if isinstance(e, Closing)] for i in (0, 1))
    assert [each.agreed for each in one] == [each.agreed for each in other]
    assert [len(each.told) for each in one] == [3, 3]
    assert one[-1].head == other[-1].head


GOLDEN_HEAD = "994dea35671775ffef7fccad1cfdeb0f9871ab92df21d22db476e9292970f9c9"  # sha256sum of head and JSON
