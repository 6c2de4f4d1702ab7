"""The audit of a real run: nothing is found in an honest one, and everything in one that was tampered with."""

import base64
import dataclasses
import json
import random
import shutil
import sys

import msgspec
import pytest

import lpm_secure as lpm
from lpm_secure.accounting import ROUNDED
from lpm_secure.audit import index, rules
from lpm_secure.audit.audit import SKIPPED, audit
from lpm_secure.audit.collect import collect
from lpm_secure.audit.page import page_of
from lpm_secure.cli.main import main
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.run.processes import run_private
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import build
from protocols.errors import ParameterError
from protocols.identity import signing
from protocols.releases import deliveries
from protocols.releases.ledger import RefusalEvent, ReleaseRecord, RoundEvent, RoundRecord, StartEvent
from protocols.releases.query import Release, Releases
from protocols.task.release_plan import ReleasePlan
from tests.integration.conftest import small_config, small_data
from tests.repetitions import repetitions


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Return the deployment of a run that has ended, with its ledgers and its index; tests change copies of it."""
    import torch

    config = small_config(mode="sum")
    testbed = build(config, small_data(), free_addresses(config.protocol.addresses))
    deployment = Deployment(tmp_path_factory.mktemp("run") / "run", testbed)
    deployment.write()
    run_private(deployment, torch.device("cpu"))
    collect(deployment)
    return deployment


@pytest.fixture
def finished(ended, tmp_path):
    """Return the same with a folder of its own."""
    return dataclasses.replace(ended, folder=shutil.copytree(ended.folder, tmp_path / "run"))


def audited(deployment):
    return audit(deployment.folder, operator_key=deployment.operator_key)


def test_a_run_is_audited_and_any_change_of_any_file_is_found(finished):
    report = audited(finished)
    assert len(report.checks) >= 8
    assert SKIPPED in report.notes
    assert "SKIPPED" in page_of(report).html()
    assert "all releases together: no noise, so no epsilon; cells, tally opened exact" in page_of(report).html()
    assert json.loads(report.json())["together"]["exact"] == ["cells", "tally"]
    assert report.findings == 0, report.checks
    assert set(report.received) == {"aggregator-0", "aggregator-1"}
    assert all(len(told) == 5 for told in report.received.values())  # four clients and the engine
    assert "Nothing was found" in page_of(report).html()
    draw, folder = random.Random(7), finished.folder
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]
    assert len(files) > 20
    missed = []
    for number in range(repetitions(1_000)):
        path = draw.choice(files)
        content = path.read_bytes()
        place = draw.randrange(len(content))
        changed = content[:place] if number % 2 else content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)])
        changed += b"" if number % 2 else content[place + 1 :]
        path.write_bytes(changed)
        if not index.differences(folder, finished.operator_key):
            missed.append((path, place))
        path.write_bytes(content)
    assert missed == []
    extra = folder / "parties" / "more.txt"
    extra.write_text("x")
    assert index.differences(folder, finished.operator_key) == ["parties/more.txt: not there when the run ended"]
    extra.unlink()
    files[-1].unlink()
    assert "missing" in index.differences(folder, finished.operator_key)[0]
    assert audited(finished).findings == 1


def test_a_tampered_run_fails_its_audit_by_file_and_line(finished, capsys, monkeypatch):
    path = finished.folder / "ledgers" / "aggregator-1.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    assert b'"cells"' in lines[6]
    path.write_bytes(b"".join([*lines[:6], lines[6].replace(b'"cells"', b'"tally"'), *lines[7:]]))
    key = base64.b64encode(finished.operator_key).decode()
    monkeypatch.setattr(sys, "argv", ["lpm", "audit", str(finished.folder), "--operator-key", key, "--no-build-checks"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert "FAIL  every file is as it was when the run ended\n        ledgers/aggregator-1.jsonl: changed\n" in printed
    assert "        ledgers/aggregator-1.jsonl: line 7: the signature of this ledger was not made over it" in printed
    assert "not checked: a ledger is not whole" in printed
    assert "SKIPPED: the tests of this build were not run" in printed
    assert "taken from the folder" not in printed
    assert "3 findings" in (finished.folder / "audit.html").read_text()
    assert json.loads((finished.folder / "audit.json").read_bytes())["findings"] == 3


@pytest.mark.slow
def test_the_whole_audit_of_a_run_tests_the_build_too_and_says_so(finished, capsys, monkeypatch):
    key = base64.b64encode(finished.operator_key).decode()
    monkeypatch.setattr(sys, "argv", ["lpm", "audit", str(finished.folder), "--operator-key", key, "--runs", "2000"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr().out
    assert (ended.value.code, printed.count("ok    "), "SKIPPED" in printed) == (0, 13, False)
    found = json.loads((finished.folder / "audit.json").read_bytes())
    assert len(found["checks"]) == 13
    assert any(note.startswith("the build that was tested") for note in found["notes"])


def test_another_key_than_the_operators_is_found_whatever_the_folder_pins(finished):
    other = signing.public_of(signing.new_key())
    report = audit(finished.folder, operator_key=other)
    assert report.findings == 3
    assert "compare the key" in report.checks["the manifest is its operator's"][0]


def test_a_key_that_comes_from_the_folder_itself_is_said_to_prove_little(finished, capsys, monkeypatch):
    drive = {"agents": {}, "operator_key": finished.operator_key}
    (finished.folder / "parties" / "engine" / "engine.json").write_bytes(msgspec.json.encode(drive))
    index.write(finished.folder, finished.keys.operator)
    monkeypatch.setattr(sys, "argv", ["lpm", "audit", str(finished.folder), "--no-build-checks"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "operator's key was taken from the folder" in capsys.readouterr().out
    assert "operator&#x27;s key was taken from the folder" in (finished.folder / "audit.html").read_text()
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--json"])
    with pytest.raises(SystemExit):
        main()
    assert json.loads(capsys.readouterr().out) == json.loads((finished.folder / "audit.json").read_bytes())


def test_a_line_taken_out_of_a_ledger_is_found_even_where_the_index_is_written_anew(finished):
    path = finished.folder / "ledgers" / "aggregator-1.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    index.write(finished.folder, finished.keys.operator)
    report = audited(finished)
    assert report.checks["the aggregators' ledgers agree"] == [
        "aggregator-0 and aggregator-1 tell different things from round 8 on"
    ]


def test_ledgers_that_all_lack_their_last_round_are_found(manifest_of):
    """Chains and signatures of what is left are right, and the ledgers agree."""
    manifest = manifest_of(steps=2)
    begin, names = StartEvent(bytes(32), "aggregator-0"), ("client-0", "client-1")
    closed = [RoundEvent(agreed=agreed(number, names), absent=(), head=bytes(32)) for number in range(3)]
    assert rules.cut_off(manifest, {"a": [begin, *closed], "b": [begin, *closed]}) == []
    assert rules.cut_off(manifest, {"a": [begin, *closed[:2]], "b": [begin, *closed[:2]]}) == [
        "a: ends after 2 rounds of 3, and does not say why",
        "b: ends after 2 rounds of 3, and does not say why",
    ]
    assert rules.cut_off(manifest, {"a": [begin, *closed[:2], RefusalEvent(2, "budget-spent", "no more")]}) == []
    assert len(rules.cut_off(manifest, {"a": [begin, *closed[:1], RefusalEvent(0, "late", "wait"), closed[1]]})) == 1


@pytest.fixture
def handed_in(ended, tmp_path, monkeypatch, capsys):
    """Return a function that runs `lpm collect` over ledgers from the parties' own folders, then audits the folder."""
    manifest, number = ended.folder / "manifest.json", iter(range(9))
    signing.write_key(tmp_path / "operator.key", ended.keys.operator)

    def run(*ledgers, key="operator.key"):
        out = tmp_path / f"collected-{next(number)}"
        given = [manifest, *ledgers, "--key", tmp_path / key, "--out", out]
        monkeypatch.setattr(sys, "argv", ["lpm", "collect", *map(str, given)])
        with pytest.raises(SystemExit) as ended_with:
            main()
        told = capsys.readouterr().err
        if ended_with.value.code:
            return ended_with.value.code, told
        return 0, audit(out, operator_key=ended.operator_key)

    return run


def test_ledgers_that_parties_hand_in_are_audited_like_a_local_run(ended, handed_in, tmp_path):
    ledgers = [next(ended.party(f"aggregator-{number}").glob("ledger-*.jsonl")) for number in (1, 0)]
    code, report = handed_in(*ledgers)
    assert (code, report.findings) == (0, 0), report
    assert set(report.received) == {"aggregator-0", "aggregator-1"}
    report = handed_in(ledgers[0])[1]
    assert "ledgers/aggregator-0.jsonl: cannot read" in report.checks["every ledger is whole, chained and signed"][0]
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_bytes(ledgers[1].read_bytes()[:-9])
    report = handed_in(ledgers[0], damaged)[1]
    assert "aggregator-0.jsonl: line" in report.checks["every ledger is whole, chained and signed"][0]
    signing.write_key(tmp_path / "other.key", signing.new_key())
    for given, said in (
        ({"key": "other.key"}, "compare the key"),
        ({"ledgers": (ledgers[0], ledgers[0])}, "both of aggregator-1"),
        ({"ledgers": (ended.folder / "manifest.json",)}, "begins no ledger of this run"),
        ({"ledgers": (tmp_path / "nowhere",)}, "cannot read the ledger"),
    ):
        code, told = handed_in(*given.get("ledgers", ledgers), key=given.get("key", "operator.key"))
        assert code in (2, 3)
        assert said in told
        assert len(told.strip().splitlines()) == 1


def test_an_aggregator_shows_what_it_told_one_party_and_no_other(ended, handed_in, tmp_path):
    ledgers = [next(ended.party(f"aggregator-{number}").glob("ledger-*.jsonl")) for number in (1, 0)]
    client = ended.testbed.manifest.clients[1].name
    folders = deliveries.write_only({path: tmp_path / path.parent.name for path in ledgers}, [client])
    shown = [folder / path.name for folder, path in zip(folders, ledgers, strict=True)]
    report = handed_in(*shown)[1]
    assert report.findings == 0, report.checks
    assert {tuple(of) for of in report.received.values()} == {(client,)}
    beside = deliveries.path_beside(shown[0])
    beside.write_bytes(beside.read_bytes().replace(b'"size":', b'"size":1'))
    assert "aggregator-1: round 0: what is shown has not the root" in str(handed_in(*shown)[1].checks)
    beside.unlink()
    report = handed_in(*shown)[1]
    assert report.findings == 0, report.checks
    assert [*report.received["aggregator-1"]] == [rules.EVERYBODY]
    assert any("what it told each party is not shown" in note for note in report.notes)


def test_a_folder_that_is_none_is_bad_input(tmp_path):
    with pytest.raises(ParameterError, match="folder of a run that has ended"):
        audit(tmp_path, operator_key=bytes(32))
    with pytest.raises(ParameterError, match="32 bytes in base64"):
        signing.public_key_of("abc")
    (tmp_path / "index.json").touch()  # as of a run between parties, whose kits are elsewhere
    with pytest.raises(ParameterError, match=r"nothing in .* pins the key .* it is operator_key in every kit\.toml"):
        lpm.audit(tmp_path)


TALLY = (ReleaseRecord("tally", "exact"),)


def agreed(number, members, *, releases=TALLY):
    return RoundRecord(number=number, step=number, phase=0, members=members, refused=(), releases=releases)


def test_cohorts_that_differ_by_one_client_are_found_and_by_many_are_not(manifest_of):
    manifest = manifest_of([(i,) for i in range(9)], min_cohort=3)
    everybody = tuple(f"client-{i}" for i in range(9))
    one, many = agreed(1, everybody[1:]), agreed(1, everybody[4:])
    assert "client-0 alone" in rules.differencing(manifest, [agreed(0, everybody), one])[0]
    assert rules.differencing(manifest, [agreed(0, everybody), many]) == []


def test_three_cohorts_that_together_tell_of_one_client_are_found(manifest_of):
    manifest = manifest_of([(i,) for i in range(6)], min_cohort=2)
    names = [f"client-{i}" for i in range(6)]
    cohorts = [tuple(names), tuple(names[:3]), tuple(names[3:5])]
    rounds = [agreed(number, members) for number, members in enumerate(cohorts)]
    assert rules.differencing(manifest, rounds[:2]) == []
    (line,) = rules.differencing(manifest, rounds)
    assert "steps 0 to 2: some combination of cohorts is over client-5 alone" in line


def test_cohorts_that_are_not_compared_are_named(manifest_of):
    manifest = manifest_of([(i,) for i in range(9)], min_cohort=1)
    cohorts = [tuple(f"client-{i}" for i in range(9) if number >> i & 1) for number in range(1, 302)]
    found = rules.differencing(manifest, [agreed(number, names) for number, names in enumerate(cohorts)])
    assert found == ["301 cohorts are too many to compare: those after step 199 were not"]


def test_releases_and_cohorts_that_the_manifest_does_not_allow_are_found(manifest_of):
    manifest = manifest_of(min_cohort=2)
    names = ("client-0", "client-1", "client-2")
    assert rules.breaches(manifest, [agreed(0, names)]) == []
    assert len(rules.breaches(manifest, [agreed(0, names[:1])])) == 1
    assert len(rules.breaches(manifest, [agreed(0, (*names, "somebody"))])) == 1
    assert len(rules.breaches(manifest, [agreed(0, names, releases=(ReleaseRecord("cells", "exact"),))])) == 1


def test_public_numbers_that_no_engine_may_announce_are_found(manifest_of):
    model = graph_model_of("tests.user_models:Closures", {})
    given = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "engine": True}
    manifest, names = manifest_of(**given), ("client-0", "client-1", "client-2")

    def found(number, public, phase=0):
        return rules.announcements(
            manifest, [msgspec.structs.replace(agreed(number, names), public=public, phase=phase)]
        )

    assert found(0, {"closure": 1, "weather": -5}) == []
    assert found(1, {}, phase=1) == []
    assert found(2, {"closure": 2, "weather": 0}) == ["round 2: closure is 2; it must be one number in [0, 1]"]
    assert "public numbers are ['weather']" in found(3, {"weather": 0})[0]
    assert "public numbers are []; the model takes ['closure', 'weather']" in found(4, {})[0]
    assert "public numbers are ['closure']; the model takes []" in found(5, {"closure": 1}, phase=1)[0]


def test_epsilon_is_computed_anew_and_held_to_the_promise(manifest_of):
    def manifest(promised, rho=1.0):
        rule = Release(
            name="incidence",
            mechanism="discrete-gaussian",
            sigma=2.23,
            unit="contribution",
            epsilon=promised,
            delta=1e-6,
        )
        return manifest_of(releases=Releases(each=(rule,), rho=rho))

    releases = ReleasePlan.of(manifest(2.1)).records(0)
    rounds = [agreed(number, ("client-0",), releases=releases) for number in range(5)]
    lines, table = rules.overspending(manifest(2.1), rounds)
    assert lines == []
    assert table[0]["epsilon"] == pytest.approx(2.0, abs=0.05)
    assert "promises 1" in rules.overspending(manifest(1.0), rounds)[0][0]
    epsilon = table[0]["epsilon"]
    assert rules.overspending(manifest(epsilon), rounds)[0] == []
    assert len(rules.overspending(manifest(epsilon * (1 - ROUNDED / 2)), rounds)[0]) == 1
    assert (
        "cost rho 0.100545, and the manifest's budget is 0.1"
        in rules.overspending(manifest(2.1, rho=0.1), rounds)[0][0]
    )
