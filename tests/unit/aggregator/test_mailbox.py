"""Letters between clients, which an aggregator keeps until they are fetched."""

import msgspec
import pytest

from aggregator import Store
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import NotEnrolled
from protocols.wire.messages import Letter
from tests.mailboxes import mailbox_of

AGENTS = ((1, 2), (3, 4), (5, 6))


@pytest.fixture(scope="module")
def party(manifest_of):
    manifest, keys = pin_keys(manifest_of(AGENTS, period=3, join_timeout_s=20.0))
    return msgspec.structs.replace(manifest, compare_contacts=True), keys


def test_letters_are_between_clients_of_the_run(party):
    manifest, _ = party
    mailbox = mailbox_of(manifest, Store("sqlite://"))
    for caller, letter in (
        ("client-9", Letter(bytes(32), 0)),
        ("client-0", Letter(bytes(32), 0, to="aggregator-0")),
        ("client-0", Letter(bytes(32), 0, wanted=("engine",))),
    ):
        with pytest.raises(NotEnrolled):
            mailbox.answer(caller, letter)
