"""The journal of a client of sums: keys that are kept, nonces that are used once, and a run that is over."""

import os
from pathlib import Path

import numpy as np
import pytest

from client_sdk.secure_sum.journal import REQUESTS, SumJournal
from protocols.errors import ParameterError
from tests.hospital_cohort import manifest_of
from tests.sum_manifests import sum_manifest


def test_how_a_run_ended_is_told_to_whoever_starts_it_again(tmp_path):
    manifest = manifest_of()
    journal = SumJournal.start(tmp_path, manifest)
    assert journal.ended == ""
    assert SumJournal.start(tmp_path, manifest).ended == ""
    journal.end("the run is over")
    assert SumJournal.start(tmp_path, manifest).ended == "the run is over"
    assert SumJournal.start(tmp_path, manifest_of(rounds=4)).ended == ""


def test_a_client_that_starts_again_keeps_its_keys_and_uses_no_nonce_twice(tmp_path):
    manifest = sum_manifest()
    first = SumJournal.start(tmp_path, manifest)
    first.about_to_answer(3, np.arange(10.0))
    second = SumJournal.start(tmp_path, manifest)
    assert second.keys == first.keys
    assert {name: each.secret for name, each in second.sessions.items()} == {
        name: each.secret for name, each in first.sessions.items()
    }
    assert [each.counter for each in first.sessions.values()] == [0, 0]
    assert [each.counter for each in second.sessions.values()] == [REQUESTS, REQUESTS]
    assert second.answered == 3
    assert second.state.tolist() == list(range(10))
    assert second.path.stat().st_mode & 0o777 == 0o600


def test_what_a_client_keeps_is_not_printed(tmp_path):
    kept = SumJournal.start(tmp_path, sum_manifest())
    printed = repr(kept) + repr(kept._entry) + repr(list(kept.sessions.values()))
    for secret in (*kept.keys, *(each.secret for each in kept.sessions.values())):
        assert repr(secret)[2:20] not in printed


def test_what_a_hospital_is_about_to_use_is_on_disk_under_its_name(tmp_path, monkeypatch):
    """Else a machine that loses power has the old file back, and uses nonces and keystream again."""
    synced, fsync, replace = [], os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(os.fstat(number).st_ino), fsync(number)))
    monkeypatch.setattr(Path, "replace", lambda path, target: (synced.append("replaced"), replace(path, target)))
    kept = SumJournal.start(tmp_path, sum_manifest())
    kept.about_to_answer(1, np.ones(3))
    own, folder = kept.path.stat().st_ino, tmp_path.stat().st_ino
    assert synced[-3:] == [own, "replaced", folder]
    assert synced[1:3] == ["replaced", folder]


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-5], lambda text: b"{}", lambda text: text.replace(b'"run":"', b'"run":"A')]
)
def test_a_spoilt_file_of_kept_keys_is_refused(tmp_path, spoil):
    kept = SumJournal.start(tmp_path, sum_manifest())
    kept.path.write_bytes(spoil(kept.path.read_bytes()))
    with pytest.raises(ParameterError, match="move it away"):
        SumJournal.start(tmp_path, sum_manifest())
