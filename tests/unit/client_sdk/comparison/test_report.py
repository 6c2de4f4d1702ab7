"""What a client's owner is told of contacts that another client does not list: whatever becomes of the comparison."""

import asyncio
import datetime
import types
from pathlib import Path

import msgspec
import numpy as np
import pytest

from aggregator import Store
from client_sdk import ContactTable, LocalTransport
from client_sdk.comparison.comparison import VERDICT
from client_sdk.comparison.report import REPORT, remove_secret, require_counterparts
from client_sdk.private.files import PrivateFiles
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import ConflictingReplay, DataError, Unavailable
from protocols.task import manifest as manifests
from protocols.task.manifest import run_id
from protocols.task.signature import trust_of
from protocols.wire.messages import Letter
from tests.mailboxes import mailbox_of

ROWS = {"client-0": [(0, 0, 2, 0, 5), (1, 1, 2, 0, 7)], "client-1": [(1, 2, 1, 0, 7)]}  # day, a, b, channel, weight


def files_of(client):
    rows = np.array(ROWS[client], dtype=np.int64)
    return PrivateFiles(
        types.SimpleNamespace(name=client), Path("contacts.csv"), ContactTable(*rows.T), np.arange(2, len(rows) + 2)
    )


@pytest.fixture
def run(manifest_of):
    """Return the manifest of two clients, its keys and a mailbox."""
    manifest, keys = pin_keys(manifest_of(((1, 2), (3, 4)), period=3, join_timeout_s=5.0))
    manifest = msgspec.structs.replace(manifest, compare_contacts=True)
    return manifest, keys, mailbox_of(manifest, Store("sqlite://"))


def compare(run, folder, *, refused=(), heard=None):
    """Return what comes of both clients, of which the first one lists a contact more unless it is left out."""
    manifest, keys, mailbox = run

    async def answer(caller, letter):
        if heard is not None:
            heard.append((caller, letter.number))
        if letter.number in refused:
            raise Unavailable("nobody answers")
        return mailbox.answer(caller, letter)

    async def one(name):
        (folder / name).mkdir(exist_ok=True)
        way, credentials = LocalTransport(answer, caller=name), keys.authority.issue(name)
        await require_counterparts(manifest, files_of(name), way, credentials=credentials, folder=folder / name)

    async def both():
        return await asyncio.gather(*(one(name) for name in ROWS), return_exceptions=True)

    return asyncio.run(both())


@pytest.mark.parametrize(("refused", "error"), [((), DataError), ((VERDICT,), Unavailable)])
def test_which_contacts_another_client_lacks_stands_in_the_file_whether_verdicts_arrive_or_not(
    refused, error, run, tmp_path
):
    first, _ = compare(run, tmp_path, refused=refused)
    assert isinstance(first, error)
    assert (tmp_path / "client-0" / REPORT).read_text().splitlines()[1:] == ["2,0,1,3,channel-0,5,client-1"]
    assert (tmp_path / "client-1" / REPORT).read_text().splitlines()[1:] == []


@pytest.fixture
def alike(monkeypatch):
    monkeypatch.setitem(ROWS, "client-0", [(1, 1, 2, 0, 7)])


def test_a_client_that_agreed_and_is_started_again_writes_no_letter_until_its_contacts_change(
    run, tmp_path, alike, monkeypatch
):
    assert compare(run, tmp_path) == [None, None]
    heard = []
    assert compare(run, tmp_path, heard=heard) == [None, None]
    assert heard == []
    monkeypatch.setitem(ROWS, "client-0", [(1, 1, 2, 0, 8)])
    changed, _ = compare(run, tmp_path, heard=heard)
    assert isinstance(changed, ConflictingReplay)
    assert {caller for caller, _ in heard} == {"client-0"}


def test_after_the_run_the_secret_of_its_letters_is_gone_and_they_are_too(run, tmp_path, alike):
    assert compare(run, tmp_path) == [None, None]
    manifest, _, mailbox = run
    (key,) = (tmp_path / "client-0").glob("comparison-*.key")
    remove_secret(tmp_path / "client-0", run_id(manifest))
    remove_secret(tmp_path / "client-0", run_id(manifest))
    assert not key.exists()
    asked = Letter(manifests.run_id(manifest), 0, wanted=("client-1",))
    mailbox.clear(manifest.schedule.rounds - 2)
    assert mailbox.answer("client-0", asked).sender == "client-1"
    mailbox.clear(manifest.schedule.rounds - 1)
    assert mailbox.answer("client-0", asked).sender == ""


def test_letters_of_a_run_whose_time_is_over_are_removed_before_its_last_round(run, monkeypatch):
    manifest, _, mailbox = run
    own = Letter(manifests.run_id(manifest), 0, to="client-1", content=b"sealed")
    mailbox.answer("client-0", own)
    later = trust_of(manifest).not_after + datetime.timedelta(seconds=1)
    monkeypatch.setattr("aggregator.mailbox._now", lambda: later)
    mailbox.clear(-1)
    assert mailbox.answer("client-1", Letter(manifests.run_id(manifest), 0, wanted=("client-0",))).sender == ""
