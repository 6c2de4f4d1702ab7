"""Clients compare their contacts before they join: what each finds out, and what nobody else does."""

import asyncio
import itertools

import msgspec
import numpy as np
import pytest

from aggregator import Store
from client_sdk import ContactTable, LocalTransport
from client_sdk.comparison.blinding import point
from client_sdk.comparison.comparison import ANSWER, CONTACTS, VERDICT, ContactComparison
from client_sdk.comparison.cross_contacts import cross_contacts
from client_sdk.comparison.pair import LEAST, Pair
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import ConflictingReplay, DataError, NotEnrolled, NotSealed, RunEnded, WireError
from protocols.task.layout import Layout
from protocols.task.manifest import run_id
from protocols.wire.messages import LetterReply
from protocols.wire.transport import Transport
from tests.mailboxes import mailbox_of

AGENTS = ((1, 2), (3, 4), (5, 6))
CLIENTS = ("client-0", "client-1", "client-2")
# day, a, b, channel, weight, by slot: contacts of client-0 with client-1, and of client-1 with client-2
MET = [(0, 0, 2, 0, 5), (1, 1, 2, 0, 7), (1, 1, 3, 0, 7), (2, 3, 4, 0, 1)]
OWN = [(0, 0, 1, 0, 9)]  # inside client-0


def items_of(manifest, name, contacts):
    directed = manifest.model.agents.directed
    return cross_contacts(run_id(manifest), Layout.of(manifest), name, contacts, directed=directed)


@pytest.fixture(scope="module")
def party(manifest_of):
    manifest, keys = pin_keys(manifest_of(AGENTS, period=3, join_timeout_s=20.0))
    return msgspec.structs.replace(manifest, compare_contacts=True), keys


def listed(client, rows):
    """Return what a client's file says: contacts with an end among its agents, every other one turned round."""
    slots = {2 * CLIENTS.index(client), 2 * CLIENTS.index(client) + 1}
    own = [row for row in rows if slots & {row[1], row[2]}]
    turned = [(day, b, a, *more) if place % 2 else (day, a, b, *more) for place, (day, a, b, *more) in enumerate(own)]
    return ContactTable(*np.array(turned, dtype=np.int64).reshape(-1, 5).T)


def compare(party, tables, *, store=None, around=lambda name, way: way, secrets=None):
    """Let these clients compare, all at once, and return what comes of it for each."""
    manifest, keys = party
    mailbox = mailbox_of(manifest, store or Store("sqlite://"))

    async def answer(caller, letter):
        return mailbox.answer(caller, letter)

    async def one(name):
        way = around(name, LocalTransport(answer, caller=name))
        credentials = keys.authority.issue(name) if name not in (secrets or {}) else secrets[name][1]
        secret = name.encode().ljust(32) if name not in (secrets or {}) else secrets[name][0]
        items = items_of(manifest, name, tables[name])
        comparison = ContactComparison(run_id(manifest), name, way, credentials, secret, manifest.join_timeout_s)
        missing, seals = await comparison.compare(items)
        await comparison.agree(missing, seals)
        return {other: None if each is None else [items[other][k][1] for k in each] for other, each in missing.items()}

    async def all_of_them():
        return await asyncio.gather(*(one(name) for name in tables), return_exceptions=True)

    return dict(zip(tables, asyncio.run(all_of_them()), strict=True))


def tables_of(rows=(*MET, *OWN), **instead):
    return {name: listed(name, instead.get(name.replace("-", "_"), rows)) for name in CLIENTS}


def test_lists_that_agree_let_all_clients_join_whatever_order_and_direction_they_are_in(party):
    for rows in ((*MET, *OWN), tuple(reversed(MET)), ()):
        found = compare(party, tables_of(rows))
        assert found == {name: {other: [] for other in CLIENTS if other != name} for name in CLIENTS}


@pytest.mark.parametrize(
    "theirs",
    [MET[1:], [(0, 0, 2, 0, 6), *MET[1:]], [(1, 0, 2, 0, 5), *MET[1:]], [(0, 0, 3, 0, 5), *MET[1:]]],
    ids=["is not listed", "has another weight", "is on another day", "is with another agent"],
)
def test_a_contact_that_one_side_alone_lists_is_found_by_its_client_and_nobody_joins(theirs, party):
    found = compare(party, tables_of(client_1=theirs))
    assert found["client-0"] == {"client-1": [0], "client-2": []}
    if len(theirs) < len(MET):
        assert isinstance(found["client-1"], RunEnded)
        assert "client-0 listed contacts" in str(found["client-1"])
    else:
        (row,) = found["client-1"]["client-0"]
        table = listed("client-1", theirs)
        assert {int(table.a[row]), int(table.b[row])} == set(theirs[0][1:3])
    assert isinstance(found["client-2"], RunEnded)  # of whose contacts all have another side


def test_contacts_that_are_alike_are_counted(party):
    twice = [*MET, MET[0]]
    assert compare(party, tables_of(twice))["client-0"] == {"client-1": [], "client-2": []}
    found = compare(party, tables_of(client_0=twice))
    assert [len(each) for each in found["client-0"].values()] == [1, 0]


def test_who_does_not_come_is_left_out_and_the_others_go_on(party, caplog):
    manifest, keys = party
    hasty = msgspec.structs.replace(manifest, join_timeout_s=0.3)
    tables = tables_of()
    del tables["client-2"]
    found = compare((hasty, keys), tables)
    assert found == {"client-0": {"client-1": []}, "client-1": {"client-0": []}}
    assert "no letter of client-2 in time" in caplog.text


class Watched(Transport):
    """Notes what a client leaves, and may change what it is handed."""

    def __init__(self, inner, notes, change=lambda letter, reply: reply):
        self._inner, self._notes, self._change = inner, notes, change

    async def call(self, letter, *, timeout_s):
        self._notes.append(letter)
        return self._change(letter, await self._inner.call(letter, timeout_s=timeout_s))


@pytest.mark.parametrize("number", [CONTACTS, ANSWER, VERDICT])
def test_whoever_carries_the_letters_and_keeps_later_ones_back_sees_the_same_whatever_is_listed(party, number):
    """Nobody joins: an aggregator that kept verdicts back would see who stays away for what its own contacts lack."""
    hasty = msgspec.structs.replace(party[0], join_timeout_s=0.3), party[1]

    def keep_back(asked, reply):
        return LetterReply() if asked.number == number else reply

    for theirs in (MET, MET[1:]):
        found = compare(hasty, tables_of(client_1=theirs), around=lambda name, way: Watched(way, [], keep_back))
        assert all(isinstance(each, RunEnded) for each in found.values()), found


def left(party, tables, world=0):
    """Return the letters that clients leave; nobody's secret is the same in two worlds."""
    notes, keys = [], party[1]
    secrets = {name: (f"{name} {world}".encode().ljust(32), keys.authority.issue(name)) for name in tables}
    compare(party, tables, around=lambda name, way: Watched(way, notes), secrets=secrets)
    return [letter for letter in notes if letter.to]


def test_whoever_carries_the_letters_sees_the_same_sizes_whatever_is_listed_and_no_contact(party):
    manifest, _ = party
    worlds = [
        left(party, tables_of(rows), world)
        for world, rows in enumerate([(), MET, [*MET, *OWN, *((2, a, b, 0, 3) for a, b in ((0, 2), (0, 4)))]])
    ]
    sealed = [sorted((each.to, each.number, len(each.content)) for each in world if each.number) for world in worlds]
    assert sealed[0] == sealed[1] == sealed[2]
    contents = b"".join(letter.content for letter in worlds[1])
    for name in CLIENTS:
        for each in itertools.chain(*items_of(manifest, name, listed(name, MET)).values()):
            assert each[0] not in contents
            assert point(each[0]) not in contents
    blinded = [letter.content for world in worlds for letter in world if letter.number]
    assert len(set(blinded)) == len(blinded)  # a verdict is not seen either


def pair(items, *, name="client-0", other="client-1", secret=bytes(32)):
    return Pair(bytes(32), name, other, items=items, secret=secret)


def test_who_asks_about_many_times_as_many_contacts_as_the_other_lists_is_not_answered(party):
    many = [(day, a, b, 0, weight) for day in range(3) for a in (0, 1) for b in (2, 3) for weight in range(1, 30)]
    assert len(many) > 4 * LEAST
    found = compare(party, tables_of(client_0=many))
    assert found["client-0"]["client-1"] is None
    assert found["client-1"]["client-0"] is None
    with pytest.raises(DataError, match="clients compare 32,768 at most"):
        pair([bytes([1])] * 2**16)


def test_an_aggregator_that_puts_itself_between_two_clients_is_not_believed(party):
    manifest, keys = party
    stranger = keys.authority.issue("aggregator-1")  # of the run's authority, and of another name
    forged = ContactComparison(run_id(manifest), "client-1", LocalTransport(None, caller=""), stranger, bytes(32), 1.0)
    letter = forged._opening(pair([], name="client-1", other="client-0"))

    def change(asked, reply):
        return LetterReply("client-1", letter) if (asked.number, reply.sender) == (0, "client-1") else reply

    hasty = msgspec.structs.replace(manifest, join_timeout_s=0.5), keys
    found = compare(
        hasty, tables_of(), around=lambda name, way: Watched(way, [], change) if name == "client-0" else way
    )
    assert isinstance(found["client-0"], NotEnrolled)
    for odd, error in ((LetterReply("client-0", b"x"), WireError), (LetterReply("client-1", b"{}"), NotSealed)):

        def hand_out(asked, reply, odd=odd):
            return odd if "client-1" in asked.wanted else reply

        found = compare(hasty, tables_of(), around=lambda name, way, lie=hand_out: Watched(way, [], lie))
        assert isinstance(found["client-0"], error)


def test_a_client_that_comes_back_says_the_same_and_with_other_contacts_is_refused(party):
    _, keys = party
    own = {name: (name.encode().ljust(32), keys.authority.issue(name)) for name in CLIENTS}
    store = Store("sqlite://")
    agreed = {name: {other: [] for other in CLIENTS if other != name} for name in CLIENTS}
    assert compare(party, tables_of(), store=store, secrets=own) == agreed
    assert compare(party, tables_of(), store=store, secrets=own) == agreed
    notes = []

    def watch(name, way):
        return Watched(way, notes) if name == "client-0" else way

    other = compare(party, tables_of(MET[1:]), store=store, secrets=own, around=watch)
    assert isinstance(other["client-0"], ConflictingReplay)
    assert {letter.number for letter in notes} == {0}  # other contacts, other keys: nothing is sealed by the first ones


def test_who_finds_something_when_a_late_client_has_come_knows_what_and_tells_those_that_it_can(party, caplog):
    manifest, keys = party
    hasty = msgspec.structs.replace(manifest, join_timeout_s=0.3), keys
    own = {name: (name.encode().ljust(32), keys.authority.issue(name)) for name in CLIENTS}
    store, tables = Store("sqlite://"), tables_of(client_2=MET[:3])
    early = {name: tables[name] for name in ("client-0", "client-1")}
    agreed = {"client-0": {"client-1": []}, "client-1": {"client-0": []}}
    assert compare(hasty, early, store=store, secrets=own) == agreed
    found = compare(hasty, tables, store=store, secrets=own)
    assert found["client-1"] == {"client-0": [], "client-2": [3]}
    assert "may go on: ask the run's operator to stop the run" in caplog.text
    assert isinstance(found["client-2"], RunEnded)
    assert "client-1 listed contacts" in str(found["client-2"])
    assert found["client-0"] == {"client-1": [], "client-2": []}  # was told before that client-1 agrees
