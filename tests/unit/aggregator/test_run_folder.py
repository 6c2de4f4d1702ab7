"""Further runs of a server that goes on: what its operator puts into a folder is checked, begun once, and signed."""

import logging
import os
import sys

import msgspec
import pytest

from aggregator.run_folder import MOST_RUNS, RunFolder
from lpm_secure.testbed.keys import pin_keys
from protocols import canonical_json
from protocols.errors import ConfigError
from protocols.identity import signing
from protocols.task import manifest as manifests
from protocols.task.signature import require_countersigned, sign

SERVER = "aggregator-1"


@pytest.fixture
def shelf(tmp_path, manifest_of):
    """Return a folder of a server, a manifest that pins its key, and what puts a signed manifest there."""
    manifest, keys = pin_keys(manifest_of())
    keys.servers[SERVER].write(tmp_path / "credentials")
    public = signing.public_of(keys.operator)
    folder = RunFolder(tmp_path / "runs", operator_key=public, credentials=tmp_path / "credentials")

    def put(name, given=manifest, key=keys.operator):
        (tmp_path / "runs" / f"{name}.json").write_bytes(manifests.encode(given))
        (tmp_path / "runs" / f"{name}.sig").write_bytes(canonical_json.encode(sign(given, key)))

    return folder, manifest, put


def named(manifest, name):
    return msgspec.structs.replace(manifest, name=name)


def test_a_run_is_begun_once_and_signed_by_the_servers_key(shelf, tmp_path):
    folder, manifest, put = shelf
    put("spring")
    begun = []
    for _ in range(2):
        folder.look(begun.append)
    put("again")
    folder.look(begun.append)
    assert begun == [manifest]
    require_countersigned(tmp_path / "runs" / "spring.json", manifest, [SERVER])
    assert (tmp_path / "runs").stat().st_mode & 0o777 == 0o700


def test_a_manifest_waits_for_its_signature_and_a_refused_one_for_a_change(shelf, tmp_path, caplog):
    folder, manifest, put = shelf
    put("spring")
    signature = tmp_path / "runs" / "spring.sig"
    good, begun = signature.read_bytes(), []
    signature.unlink()
    folder.look(begun.append)
    assert caplog.records == []
    put("spring", key=signing.new_key())
    with caplog.at_level(logging.WARNING, "aggregator"):
        for _ in range(2):
            folder.look(begun.append)
    assert [record.message for record in caplog.records] == ["run refused"]
    assert begun == []
    signature.write_bytes(good)
    folder.look(begun.append)
    assert begun == [manifest]


def test_what_cannot_be_begun_is_not_signed_and_takes_nothing_from_others(shelf, tmp_path, caplog):
    folder, manifest, put = shelf
    put("a-first", named(manifest, "taken"))
    put("second", named(manifest, "free"))
    begun = []

    def begin(given):
        if given.name == "taken":
            raise ConfigError("cannot listen on 127.0.0.1:1: choose a free port")
        begun.append(given.name)

    with caplog.at_level(logging.WARNING, "aggregator"):
        folder.look(begin)
    assert begun == ["free"]
    assert [file.name for file in (tmp_path / "runs").glob("*.*.sig")] == [f"second.{SERVER}.sig"]
    assert "choose a free port" in caplog.records[0].facts["reason"]


def test_a_run_of_other_servers_is_not_begun(shelf, manifest_of, tmp_path, caplog):
    folder, _, put = shelf
    others, _ = pin_keys(manifest_of())
    put("foreign", msgspec.structs.replace(others, name="foreign"))
    folder.look(lambda _: pytest.fail("it was begun"))
    assert "pins the key of no server" in caplog.records[0].facts["reason"]


def test_a_server_takes_so_many_further_runs(shelf, caplog):
    folder, manifest, put = shelf
    for number in range(MOST_RUNS + 1):
        put(f"run-{number:02}", named(manifest, f"run-{number:02}"))
    begun = []
    folder.look(lambda given: begun.append(given.name))
    assert len(begun) == MOST_RUNS
    assert f"has {MOST_RUNS} further runs" in caplog.records[-1].facts["reason"]


def test_a_run_whose_beginning_fails_keeps_the_server_from_no_other_one(shelf, caplog):
    folder, manifest, put = shelf
    put("a-spring")
    put("b-summer", named(manifest, "summer"))
    begun = []

    def begin(given):
        if given == manifest:
            raise ValueError("nobody foresaw this")
        begun.append(given)

    folder.look(begin)
    assert begun == [named(manifest, "summer")]
    assert "nobody foresaw this" in caplog.text


def test_after_a_restart_runs_begin_in_the_order_of_their_manifests_times(shelf, tmp_path):
    folder, manifest, put = shelf
    for time_s, name in enumerate(["winter", "autumn", "spring"]):
        put(name, named(manifest, name))
        os.utime(tmp_path / "runs" / f"{name}.json", (time_s, time_s))
    begun = []
    folder.look(lambda given: begun.append(given.name))
    assert begun == ["winter", "autumn", "spring"]


def test_a_run_whose_signature_cannot_be_written_is_said_to_be_served_without_it_until_it_can(shelf, tmp_path, caplog):
    folder, manifest, put = shelf
    put("spring")
    (tmp_path / "runs" / f"spring.{SERVER}.sig").mkdir()
    begun = []
    with caplog.at_level(logging.INFO, "aggregator"):
        folder.look(begun.append)
    assert begun == [manifest]
    assert [record.message for record in caplog.records] == ["run added, and its signature is not written"]
    folder.look(begun.append)
    assert [record.message for record in caplog.records] == ["run added, and its signature is not written"]
    (tmp_path / "runs" / f"spring.{SERVER}.sig").rmdir()
    with caplog.at_level(logging.INFO, "aggregator"):
        folder.look(begun.append)
    assert [record.message for record in caplog.records][1:] == ["run added"]
    assert begun == [manifest]
    assert (tmp_path / "runs" / f"spring.{SERVER}.sig").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="a folder has access rules there, and no mode")
def test_a_folder_that_others_may_change_is_refused(shelf, tmp_path):
    given = {"operator_key": bytes(32), "credentials": tmp_path / "credentials"}
    for mode in (0o755, 0o700):
        (tmp_path / "runs").chmod(mode)
        RunFolder(tmp_path / "runs", **given)
    for mode in (0o770, 0o702):
        (tmp_path / "runs").chmod(mode)
        with pytest.raises(ConfigError, match="can be changed by others than its owner; chmod 700"):
            RunFolder(tmp_path / "runs", **given)
