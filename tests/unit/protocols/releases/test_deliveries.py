"""What parties were told lies beside a ledger, and some of it can be shown without the rest."""

import stat

import msgspec
import pytest

from aggregator.release.ledger import Ledger
from lpm_secure.audit import rules
from protocols.errors import ParameterError
from protocols.identity import signing
from protocols.releases import deliveries, merkle
from protocols.releases import ledger as ledgers
from protocols.releases.deliveries import DeliveryProof
from protocols.releases.ledger import RoundRecord
from protocols.task.release_plan import ReleasePlan

CLIENTS = ("client-0", "client-1", "client-2")
PARTIES = (*CLIENTS, "engine")
KEY = signing.new_key()


def close(ledger, number, members=CLIENTS, told=None):
    """Close a round, of which the ledger's writer has its own idea of what it told whom."""
    agreed = RoundRecord(number=number, step=number, phase=0, members=members, refused=(), releases=())
    told = [(name, name.encode() * 3) for name in (*members, "engine")] if told is None else told
    ledger.write_closing(agreed, tuple(ledger.delivery(number, name, content) for name, content in told))


@pytest.fixture
def manifest(manifest_of):
    return manifest_of(engine=True)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "ledger-0123.jsonl"
    ledger = Ledger(path, run=bytes(32), name="aggregator-0", key=KEY)
    for number in range(3):
        close(ledger, number, CLIENTS[: 3 - number])
    return path


def events(path):
    return ledgers.load(path, signing.public_of(KEY))


def test_all_that_parties_were_told_has_the_ledgers_roots(path, manifest):
    beside = deliveries.path_beside(path)
    assert beside.name == "deliveries-0123.jsonl"
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    shown = deliveries.load(beside)
    assert rules.misstatements(manifest, events(path), shown) == []
    received = rules.disclosures(events(path), shown)
    assert {name: (of["count"], of["bytes"]) for name, of in received.items()} == {
        "client-0": (3, 72),
        "client-1": (2, 48),
        "client-2": (1, 24),
        "engine": (3, 54),
    }
    for name in PARTIES:  # the ledger itself names members, and nothing of what each was told
        assert path.read_bytes().count(b'"party":"' + name.encode()) == 0


def test_of_a_ledger_alone_the_sum_over_all_parties_is_known(path):
    received = rules.disclosures(events(path), {})
    assert {name: (of["count"], of["bytes"]) for name, of in received.items()} == {"all parties": (9, 198)}


def test_what_one_party_was_told_is_shown_without_the_others(path, tmp_path, manifest):
    [folder] = deliveries.write_only({path: tmp_path / "shown"}, ["client-2"])
    shown = deliveries.load(deliveries.path_beside(folder / path.name))
    assert sorted(shown) == [0]  # it was away in the others
    assert rules.misstatements(manifest, events(folder / path.name), shown) == []
    assert set(rules.disclosures(events(path), shown)) == {"client-2"}
    said = (folder / "deliveries-0123.jsonl").read_bytes()
    assert not any(name.encode() in said for name in PARTIES if name != "client-2")
    with pytest.raises(ParameterError, match="name a new folder"):
        deliveries.write_only({path: folder}, ["client-2"])
    with pytest.raises(ParameterError, match="tells of nothing that client-9 was told"):
        deliveries.write_only({path: tmp_path / "more"}, ["client-9"])
    assert not (tmp_path / "more").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"size":24', b'"size":25', "has not the root"),
        (b'"party":"client-2"', b'"party":"client-3"', "has not the root"),
        (b'"parties":4', b'"parties":3', "more hashes"),
        (b'"parties":4', b'"parties":2', "of a tree of 2 leaves"),
        (b'"path":[', b'"path":["' + 43 * b"A" + b'=",', "more hashes"),
    ],
)
def test_what_is_shown_and_was_changed_is_found(path, tmp_path, old, new, said, manifest):
    [folder] = deliveries.write_only({path: tmp_path / "shown"}, ["client-2"])
    beside = deliveries.path_beside(folder / path.name)
    assert old in beside.read_bytes()
    beside.write_bytes(beside.read_bytes().replace(old, new, 1))
    [line] = rules.misstatements(manifest, events(path), deliveries.load(beside))
    assert line.startswith("round 0: ")
    assert said in line


def test_rounds_that_are_left_out_of_what_is_shown_are_told(path, manifest):
    shown = deliveries.load(deliveries.path_beside(path))
    assert rules.unshown(manifest, events(path), shown) == []
    [line] = rules.unshown(manifest, events(path), {0: shown[0], 2: shown[2]})  # as of a machine that lost its power
    assert line.endswith(
        "in 1 round is not shown, though of others it is; the first is round 1: client-0, client-1, engine"
    )
    [line] = rules.unshown(
        manifest, events(path), {0: shown[0].only(["client-1"]), 1: shown[1].only(["client-0", "client-1"])}
    )
    assert "in 2 rounds" in line
    assert line.endswith("round 0: client-0")
    assert rules.unshown(manifest, events(path), {0: shown[0].only(["client-2"])}) == []
    [line] = rules.unshown(manifest, events(path), {0: shown[0].only(["engine"])})
    assert line.endswith("in 2 rounds is not shown, though of others it is; the first is round 1: engine")
    for nothing in ({}, {9: shown[0]}):  # a file without a line too, or with one of a round that no ledger closed
        [line] = rules.unshown(manifest, events(path), nothing)
        assert line.startswith("what it told each party is not shown")
        assert rules.misstatements(manifest, events(path), nothing) == []
        assert rules.disclosures(events(path), nothing) == rules.disclosures(events(path), {})


LIES = {  # leaves under a root, in the places of client-0, client-1, client-2 and the engine
    "two things for one party, in another one's place": ("client-0", "client-1", "client-1", "engine"),
    "two things for one party, in a place more": ("client-0", "client-1", "client-2", "client-1", "engine"),
    "two things for one party, behind the engine": ("client-0", "client-1", "client-2", "engine", "client-1"),
    "somebody left out": ("client-0", "client-1", "engine"),
    "places that are exchanged": ("client-1", "client-0", "client-2", "engine"),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_operator_cannot_have_two_things_under_a_root_that_it_told_one_party(lie, tmp_path, manifest):
    """It would show each auditor another one, whose paths lead to the same root."""
    path = tmp_path / "ledger-0123.jsonl"
    told = [(name, b"%d" % place) for place, name in enumerate(LIES[lie])]
    close(Ledger(path, run=bytes(32), name="aggregator-0", key=KEY), 0, told=told)
    whole = deliveries.load(deliveries.path_beside(path))[0]
    for place in (place for place, (name, _) in enumerate(told) if name == "client-1"):
        leaves = [merkle.leaf(msgspec.json.encode(each)) for each in whole.told.values()]
        proof = DeliveryProof(0, len(told), {place: whole.told[place]}, merkle.path(leaves, [place]))
        assert proof.root == events(path)[1].deliveries.root
        lines = rules.misstatements(manifest, events(path), {0: proof})
        assert len(lines) == (0 if len(told) == len(PARTIES) and PARTIES[place] == "client-1" else 1)
    if len(told) != len(PARTIES):
        [line] = rules.misstatements(manifest, events(path), {})  # of the ledger alone
        assert line == f"round 0: a root of {len(told)} parties, and 4 were told"
    else:
        [line] = rules.misstatements(manifest, events(path), {0: whole})
        assert line == "round 0: a party is shown in another one's place"


def test_nor_where_its_line_names_a_party_twice(tmp_path, manifest):
    twice = tmp_path / "ledger-4567.jsonl"
    members = ("client-0", "client-1", "client-1")
    told = [(name, b"%d" % place) for place, name in enumerate((*members, "engine"))]
    close(Ledger(twice, run=bytes(32), name="aggregator-0", key=KEY), 0, members, told)
    [line] = rules.misstatements(manifest, events(twice), deliveries.load(deliveries.path_beside(twice)))
    assert line == "round 0: a root of 4 parties, and 3 were told"


def test_the_places_under_a_root_are_those_of_the_ledgers_line(manifest_of):
    agreed = RoundRecord(number=0, step=0, phase=0, members=("b", "c"), refused=(), releases=())
    later = msgspec.structs.replace(agreed, phase=1)
    for engine in (False, True):
        given = manifest_of(engine=engine)
        assert ReleasePlan.of(given).recipients(agreed) == ("b", "c", "engine")[: 2 + engine]
        assert ReleasePlan.of(given).recipients(later) == ("b", "c")
        assert ReleasePlan.of(given).recipients(agreed, by_messages=True) == ("engine",)
    active = manifest_of([(each,) for each in range(11)], security="active", mode="outcome", engine=True)
    members = ("client-1", "client-10", "client-2")  # as the ledger has them
    agreed = msgspec.structs.replace(agreed, members=members)
    assert ReleasePlan.of(active).recipients(agreed) == ("client-1", "client-2", "client-10", "engine")


def test_lines_that_are_none_are_refused_and_one_that_a_crash_cut_off_counts_not(path, manifest):
    beside = deliveries.path_beside(path)
    whole = beside.read_bytes()
    beside.write_bytes(whole + b'{"number":9')
    assert sorted(deliveries.load(beside)) == [0, 1, 2]
    close(Ledger(path, run=bytes(32), name="aggregator-0", key=KEY), 3)
    assert rules.misstatements(manifest, events(path), deliveries.load(beside)) == []
    assert sorted(deliveries.load(beside)) == [0, 1, 2, 3]
    beside.write_bytes(whole + b"{}\n")
    with pytest.raises(ParameterError, match="has a line that is none of deliveries"):
        deliveries.load(beside)
    with pytest.raises(ParameterError, match="cannot read the deliveries"):
        deliveries.load(path.parent)


def test_a_round_that_was_written_and_not_told_is_written_again(path, manifest):
    """The process ended between both files."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    close(Ledger(path, run=bytes(32), name="aggregator-0", key=KEY), 2)
    shown = deliveries.load(deliveries.path_beside(path))
    assert rules.misstatements(manifest, events(path), shown) == []
    assert len(shown[2].told) == 4
