"""An aggregator's operator shows an audit what some parties were told, from its kit."""

import datetime
import sys

import msgspec
import pytest

from aggregator.__main__ import main
from aggregator.release.ledger import Ledger
from protocols.identity import signing
from protocols.kit.kit import KIT
from protocols.releases import deliveries
from protocols.releases.ledger import RoundRecord


@pytest.fixture
def kit(tmp_path):
    made = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    names = {"role": "aggregator", "name": "agg-a", "run": "winter", "operator": "one"}
    (tmp_path / KIT).write_bytes(msgspec.toml.encode(names | {"operator_key": bytes(32), "made": made}))
    serve(tmp_path / "ledger-0123.jsonl", "a", "b")
    return tmp_path


def serve(path, *members):
    ledger = Ledger(path, run=bytes(32), name="agg-a", key=signing.new_key())
    agreed = RoundRecord(number=0, step=0, phase=0, members=members, refused=(), releases=())
    ledger.write_closing(agreed, tuple(ledger.delivery(0, name, b"1234") for name in agreed.members))


def run(monkeypatch, *given):
    monkeypatch.setattr(sys, "argv", ["aggregator", *map(str, given)])
    return main()


def test_a_folder_is_made_for_each_run_that_shows_the_named_parties_alone(kit, monkeypatch, capsys):
    assert run(monkeypatch, "show", kit, "b") == 0
    [made] = capsys.readouterr().out.splitlines()
    assert made == str(kit / "shown-0123")
    [proof] = deliveries.load(kit / "shown-0123" / "deliveries-0123.jsonl").values()
    assert [each.party for each in proof.told.values()] == ["b"]
    assert proof.root == deliveries.load(kit / "deliveries-0123.jsonl")[0].root


@pytest.mark.parametrize("given", [("show",), ("start", "a")])
def test_parties_are_named_with_show_and_with_nothing_else(kit, monkeypatch, capsys, given):
    command, *parties = given
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, command, kit, *parties)
    assert ended.value.code == 2
    assert "give the names of parties with show" in capsys.readouterr().err


def test_a_party_that_was_told_nothing_is_a_mistake_in_one_line(kit, monkeypatch, capsys):
    assert run(monkeypatch, "show", kit, "c") == 2
    assert capsys.readouterr().err == "show: ledger-0123.jsonl tells of nothing that c was told; see its members\n"


def test_of_several_runs_those_are_shown_that_told_a_party_anything(kit, monkeypatch, capsys):
    serve(kit / "ledger-4567.jsonl", "a", "c")
    serve(kit / "ledger-89ab.jsonl", "b")
    assert run(monkeypatch, "show", kit, "a", "c") == 0
    assert capsys.readouterr().out.splitlines() == [str(kit / "shown-0123"), str(kit / "shown-4567")]
    shown = [deliveries.load(kit / f"shown-{name}" / f"deliveries-{name}.jsonl")[0] for name in ("0123", "4567")]
    assert [{each.party for each in proof.told.values()} for proof in shown] == [{"a"}, {"a", "c"}]
    assert not (kit / "shown-89ab").exists()


@pytest.mark.parametrize("given", [("a", "d"), ("a", "c")])
def test_of_several_runs_no_folder_is_left_where_one_party_or_one_folder_is_wrong(kit, monkeypatch, capsys, given):
    serve(kit / "ledger-4567.jsonl", "a", "c")
    (kit / "shown-4567").mkdir()
    assert run(monkeypatch, "show", kit, *given) == 2
    [line] = capsys.readouterr().err.splitlines()
    names = "ledger-0123.jsonl, ledger-4567.jsonl"
    wanted = {"d": f"{names} tells of nothing that d was told", "c": f"cannot write {kit / 'shown-4567'}: File exists"}
    assert line.startswith(f"show: {wanted[given[-1]]}; ")
    assert not (kit / "shown-0123").exists()
    assert (kit / "shown-4567").is_dir()


def test_a_kit_that_has_served_no_run_shows_nothing_and_says_so(kit, monkeypatch, capsys):
    (kit / "ledger-0123.jsonl").unlink()
    assert run(monkeypatch, "show", kit, "a") == 2
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"show: {kit} has no ledger: this aggregator has served no run from it\n")
