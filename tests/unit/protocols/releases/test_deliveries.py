"""What parties were told lies beside a ledger, and some of it can be shown without the rest."""

import stat

import pytest

from aggregator.release.ledger import Ledger
from lpm_secure.audit import rules
from protocols.errors import ParameterError
from protocols.identity import signing
from protocols.releases import deliveries
from protocols.releases import ledger as ledgers
from protocols.releases.ledger import RoundRecord

PARTIES = ("client-0", "client-1", "client-2", "engine")
KEY = signing.new_key()


def close(ledger, number, parties=PARTIES):
    agreed = RoundRecord(number=number, step=number, phase=0, members=parties, refused=(), releases=())
    ledger.write_closing(agreed, tuple(ledger.delivery(number, name, name.encode() * 3) for name in parties))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "ledger-0123.jsonl"
    ledger = Ledger(path, run=bytes(32), name="aggregator-0", key=KEY)
    for number in range(3):
        close(ledger, number, PARTIES[: 4 - number])
    return path


def events(path):
    return ledgers.load(path, signing.public_of(KEY))


def test_all_that_parties_were_told_has_the_ledgers_roots(path):
    beside = deliveries.path_beside(path)
    assert beside.name == "deliveries-0123.jsonl"
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    shown = deliveries.load(beside)
    assert rules.misstatements(events(path), shown) == []
    received = rules.disclosures(events(path), shown)
    assert {name: (of["count"], of["bytes"]) for name, of in received.items()} == {
        "client-0": (3, 72),
        "client-1": (3, 72),
        "client-2": (2, 48),
        "engine": (1, 18),
    }
    for name in PARTIES:  # the ledger itself names members, and nothing of what each was told
        assert path.read_bytes().count(b'"party":"' + name.encode()) == 0


def test_of_a_ledger_alone_the_sum_over_all_parties_is_known(path):
    received = rules.disclosures(events(path), {})
    assert {name: (of["count"], of["bytes"]) for name, of in received.items()} == {"all parties": (9, 210)}


def test_what_one_party_was_told_is_shown_without_the_others(path, tmp_path):
    [folder] = deliveries.write_only({path: tmp_path / "shown"}, ["client-2"])
    shown = deliveries.load(deliveries.path_beside(folder / path.name))
    assert sorted(shown) == [0, 1]  # it was away in round 2
    assert rules.misstatements(events(folder / path.name), shown) == []
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
def test_what_is_shown_and_was_changed_is_found(path, tmp_path, old, new, said):
    [folder] = deliveries.write_only({path: tmp_path / "shown"}, ["client-2"])
    beside = deliveries.path_beside(folder / path.name)
    assert old in beside.read_bytes()
    beside.write_bytes(beside.read_bytes().replace(old, new, 1))
    [line] = rules.misstatements(events(path), deliveries.load(beside))
    assert line.startswith("round 0: ")
    assert said in line


def test_rounds_that_are_left_out_of_what_is_shown_are_told(path):
    shown = deliveries.load(deliveries.path_beside(path))
    assert rules.unshown(events(path), shown) == []
    [line] = rules.unshown(events(path), {0: shown[0], 2: shown[2]})  # as of a machine that lost its power
    assert line.endswith(
        "of 1 round is not shown, though of others it is; the first is round 1: client-0, client-1, client-2"
    )
    [line] = rules.unshown(events(path), {0: shown[0].only(["client-1"]), 1: shown[1].only(["client-0", "client-1"])})
    assert "of 2 rounds" in line
    assert line.endswith("round 0: client-0")
    away = {number: shown[number].only(["client-2"]) for number in (0, 1)}
    assert rules.unshown(events(path), away) == []
    for nothing in ({}, {9: shown[0]}):  # a file without a line too, or with one of a round that no ledger closed
        [line] = rules.unshown(events(path), nothing)
        assert line.startswith("what it told each party is not shown")
        assert rules.misstatements(events(path), nothing) == []
        assert rules.disclosures(events(path), nothing) == rules.disclosures(events(path), {})


def test_a_party_that_has_two_places_under_a_root_is_found(tmp_path):
    ledger = Ledger(tmp_path / "ledger-0123.jsonl", run=bytes(32), name="aggregator-0", key=KEY)
    agreed = RoundRecord(number=0, step=0, phase=0, members=PARTIES, refused=(), releases=())
    ledger.write_closing(agreed, tuple(ledger.delivery(0, "client-0", content) for content in (b"one", b"other")))
    shown = deliveries.load(deliveries.path_beside(tmp_path / "ledger-0123.jsonl"))
    [line] = rules.misstatements(events(tmp_path / "ledger-0123.jsonl"), shown)
    assert line == "round 0: a party is shown more than once"


def test_lines_that_are_none_are_refused_and_one_that_a_crash_cut_off_counts_not(path):
    beside = deliveries.path_beside(path)
    whole = beside.read_bytes()
    beside.write_bytes(whole + b'{"number":9')
    assert sorted(deliveries.load(beside)) == [0, 1, 2]
    close(Ledger(path, run=bytes(32), name="aggregator-0", key=KEY), 3)
    assert rules.misstatements(events(path), deliveries.load(beside)) == []
    assert sorted(deliveries.load(beside)) == [0, 1, 2, 3]
    beside.write_bytes(whole + b"{}\n")
    with pytest.raises(ParameterError, match="has a line that is none of deliveries"):
        deliveries.load(beside)
    with pytest.raises(ParameterError, match="cannot read the deliveries"):
        deliveries.load(path.parent)


def test_a_round_that_was_written_and_not_told_is_written_again(path):
    """The process ended between both files."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    close(Ledger(path, run=bytes(32), name="aggregator-0", key=KEY), 2, PARTIES)
    shown = deliveries.load(deliveries.path_beside(path))
    assert rules.misstatements(events(path), shown) == []
    assert len(shown[2].told) == 4
