"""Contacts: what cannot be is refused, and nothing wraps."""

import re

import numpy as np
import pytest

from client_sdk import ContactTable, PrivateState
from protocols.errors import DataError

NOTHING = np.zeros(0, dtype=np.int64)


def table(*rows):
    """Return contacts from rows of day, a, b, channel, weight."""
    return ContactTable(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)


def private(manifest, *rows, name="client-0", cell=NOTHING, **options):
    return PrivateState(manifest, name, contacts=table(*rows), cell=cell, **options)


def test_contacts_print_their_sizes_alone(manifest_of):
    contacts = private(manifest_of(), (0, 0, 2, 0, 77)).contacts
    assert repr(contacts) == "Contacts(n=5, c=1)"
    assert not re.search("array", repr(contacts.days))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0, 0, 5, 0, 1), "contact 1 names an agent that the run does not have"),
        ((0, -1, 0, 0, 1), "contact 1 names an agent that the run does not have"),
        ((0, 0, 0, 0, 1), "contact 1 is of an agent with itself"),
        ((0, 0, 1, 1, 1), "on channel 1; the run has channels 0 to 0"),
        ((0, 0, 1, -1, 1), "contact 1 has a negative channel"),
        ((2, 0, 1, 0, 1), "on day 2; the run has days 0 to 1"),
        ((-1, 0, 1, 0, 1), "contact 1 has a negative day"),
        ((0, 0, 1, 0, -5), "contact 1 has a negative weight"),
        ((0, 0, 1, 0, 101), "weight 101; the manifest allows 100"),
        ((0, 2, 3, 0, 1), "contact 1 is between agents of other clients"),
    ],
)
def test_a_contact_that_cannot_be_is_refused(manifest_of, row, message):
    with pytest.raises(DataError, match=message):
        private(manifest_of(period=2), row)


def test_contacts_of_a_pair_on_one_day_and_channel_add_up_to_the_bound(manifest_of):
    manifest = manifest_of(period=2)
    fine = [(0, 0, 3, 0, 60), (0, 3, 0, 0, 40), (1, 0, 3, 0, 100), (0, 0, 4, 0, 100)]
    assert private(manifest, *fine).contacts.largest_message((1, 1)) == 100
    with pytest.raises(DataError, match="contacts of weight 101 in all on one day"):
        private(manifest, *fine, (0, 3, 0, 0, 1))


def test_weights_that_wrap_round_when_they_are_added_up_are_refused(manifest_of):
    """Four of them sum to -4 modulo 2**64, which is below every bound."""
    with pytest.raises(DataError, match="weight"):
        private(manifest_of(), *[(0, 0, 3, 0, 2**62 - 1)] * 4)
