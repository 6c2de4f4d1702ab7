"""What a client's owner is told of contacts that another client does not list: whatever becomes of the comparison."""

import asyncio
import types
from pathlib import Path

import msgspec
import numpy as np
import pytest

from aggregator import Store
from aggregator.mailbox import Mailbox
from client_sdk import ContactTable, LocalTransport
from client_sdk.comparison.comparison import VERDICT
from client_sdk.comparison.report import REPORT, require_counterparts
from client_sdk.private.files import PrivateFiles
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import DataError, Unavailable

ROWS = {"client-0": [(0, 0, 2, 0, 5), (1, 1, 2, 0, 7)], "client-1": [(1, 2, 1, 0, 7)]}  # day, a, b, channel, weight


def files_of(client):
    rows = np.array(ROWS[client], dtype=np.int64)
    return PrivateFiles(
        types.SimpleNamespace(name=client), Path("contacts.csv"), ContactTable(*rows.T), np.arange(2, len(rows) + 2)
    )


def compare(manifest_of, folder, *, refused):
    """Return what comes of both clients, of which the first one lists a contact more."""
    manifest, keys = pin_keys(manifest_of(((1, 2), (3, 4)), period=3, join_timeout_s=5.0))
    manifest = msgspec.structs.replace(manifest, compare_contacts=True)
    mailbox = Mailbox(manifest, Store("sqlite://"))

    async def answer(caller, letter):
        if letter.number in refused:
            raise Unavailable("nobody answers")
        return mailbox.answer(caller, letter)

    async def one(name):
        (folder / name).mkdir()
        way, credentials = LocalTransport(answer, caller=name), keys.authority.issue(name)
        await require_counterparts(manifest, files_of(name), way, credentials=credentials, folder=folder / name)

    async def both():
        return await asyncio.gather(*(one(name) for name in ROWS), return_exceptions=True)

    return asyncio.run(both())


@pytest.mark.parametrize(("refused", "error"), [((), DataError), ((VERDICT,), Unavailable)])
def test_which_contacts_another_client_lacks_stands_in_the_file_whether_verdicts_arrive_or_not(
    refused, error, manifest_of, tmp_path
):
    first, _ = compare(manifest_of, tmp_path, refused=refused)
    assert isinstance(first, error)
    assert (tmp_path / "client-0" / REPORT).read_text().splitlines()[1:] == ["2,0,1,3,channel-0,5,client-1"]
    assert (tmp_path / "client-1" / REPORT).read_text().splitlines()[1:] == []
