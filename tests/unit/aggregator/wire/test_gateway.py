"""Before the aggregators: sealed calls are opened for one client alone, passed on unread, or refused."""

import asyncio
import dataclasses
from contextlib import contextmanager

import msgspec
import numpy as np
import pytest

from aggregator import Store
from aggregator.wire.access import Access
from aggregator.wire.gateway import STARTS, Gateway, RunGateway
from aggregator.wire.remote_peer import RemotePeer
from client_sdk import Client, ContactTable, PrivateState
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import (
    ConflictingReplay,
    ManifestMismatch,
    NotEnrolled,
    NotJoined,
    NotSealed,
    Revoked,
)
from protocols.sealing.messages import SealedReply, SealedRequest
from protocols.sealing.route import Route
from protocols.task import manifest as manifests
from protocols.wire.local import LocalTransport
from protocols.wire.messages import Join, JoinReply, Letter, LetterReply, Share
from protocols.wire.sealed_transport import SealedTransport
from protocols.wire.transport import Transport

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def party(manifest_of):
    """Return a manifest of three clients with pinned keys, and the keys."""
    return pin_keys(manifest_of(join_timeout_s=5.0, round_timeout_s=2.0))


@contextmanager
def doors_of(operators, keys, *, stores=None, access=None):
    """Put a door before each aggregator of a run, each the other's way onward."""
    manifest = operators.manifest
    names = [each.name for each in manifest.aggregators]
    doors = {}

    def onward(own, other):
        async def late(caller, request):
            return await doors[other].answer(caller, request)

        return RemotePeer(LocalTransport(late, caller=own), PATIENCE_S)

    for index, name in enumerate(names):
        others = {other: onward(name, other) for other in names if other != name}
        doors[name] = Gateway(
            name,
            [RunGateway(manifest, keys.servers[name].sealing, others)],
            operators.answers[index],
            secrets=stores[index] if stores else Store("sqlite://"),
            authorities=[keys.authority.certificate],
            access=(access or {}).get(name, Access()),
            leave_out=lambda run, client, index=index: operators.runs[index].leave_out(client),
        )
    yield doors


def sealed(manifest, keys, doors, client, *, via=None, caller=None, credentials=None, around=lambda way: way):
    """Return a client's transports through the doors; `via` is the one that relays."""
    credentials = credentials or keys.authority.issue(client)
    run = manifests.run_id(manifest)
    return [
        SealedTransport(
            around(LocalTransport(doors[via or each.name].answer, caller=caller or client)),
            route=Route(run, client, each.name),
            key=manifest.trust.keys[each.name].sealing,
            credentials=credentials,
        )
        for each in manifest.aggregators
    ]


def private(manifest, name):
    nobody = ContactTable(*(np.zeros(0, dtype=np.int64) for _ in range(5)))
    return PrivateState(manifest, name, contacts=nobody, cell=np.zeros(0, dtype=np.int64))


async def takes_part(manifest, name, transports):
    client = await Client.join(manifest, private(manifest, name), transports)
    await client.run()
    return client


@pytest.fixture
def during(party, operators_of):
    """Return a function that lets something happen before the doors of two aggregators."""

    def run(act, **more):
        async def body():
            manifest, keys = party
            with operators_of(manifest) as operators, doors_of(operators, keys, **more) as doors:
                return await act(manifest, keys, doors)

        return asyncio.run(body())

    return run


def call(transport, request):
    return transport.call(request, timeout_s=PATIENCE_S)


def joins(manifest, fill=0):
    """Return what a client tells the first and the second aggregator."""
    run = manifests.run_id(manifest)
    return Join(run, bytes([fill]) * 32), Join(run, b"")


@pytest.mark.parametrize("via", [None, "aggregator-0", "aggregator-1"])
def test_a_run_of_sealed_calls_ends_as_any_other_whoever_relays(during, via, operators_of, party):
    async def act(manifest, keys, doors):
        names = [client.name for client in manifest.clients]
        calls = (takes_part(manifest, name, sealed(manifest, keys, doors, name, via=via)) for name in names)
        return await asyncio.gather(*calls)

    async def plain():
        manifest, _ = party
        with operators_of(manifest) as operators:
            names = [client.name for client in manifest.clients]
            return await asyncio.gather(*(takes_part(manifest, n, operators.transports(n)) for n in names))

    for client, other in zip(during(act), asyncio.run(plain()), strict=True):
        assert (client.step, client.missed) == (5, [])
        for field, values in client.private.state.items():
            assert values.tolist() == other.private.state[field].tolist()


def test_a_clients_call_that_comes_open_is_refused(during):
    async def act(manifest, keys, doors):
        with pytest.raises(NotSealed, match="came open"):
            await call(LocalTransport(doors["aggregator-0"].answer, caller="client-0"), joins(manifest)[0])
        share = Share(manifests.run_id(manifest), 0, np.zeros(0, dtype=np.uint64), start=bytes(16))
        with pytest.raises(NotSealed):
            await call(LocalTransport(doors["aggregator-0"].answer, caller="client-0"), share)

    during(act)


def test_a_party_on_another_manifest_cannot_take_part(during):
    """Not if it calls by its own run's name, and not if it calls by this one's: its keys are bound to the hash."""

    async def act(manifest, keys, doors):
        changed = msgspec.structs.replace(manifest, max_message=manifest.max_message + 1)
        with pytest.raises(ManifestMismatch):
            await call(sealed(changed, keys, doors, "client-0")[0], joins(changed)[0])

        class Renamed(Transport):
            """Puts this run's id on the outside of another run's calls."""

            def __init__(self, inner):
                self._inner = inner

            async def call(self, request, *, timeout_s):
                renamed = dataclasses.replace(request, run_id=manifests.run_id(manifest))
                return await self._inner.call(renamed, timeout_s=timeout_s)

        with pytest.raises(NotSealed):
            await call(sealed(changed, keys, doors, "client-0", around=Renamed)[0], joins(changed)[0])

    during(act)


def test_only_the_client_itself_or_an_aggregator_carries_its_calls(during):
    async def act(manifest, keys, doors):
        for caller in ("client-1", "engine", "nobody"):
            with pytest.raises(NotEnrolled, match=f"{caller} may not carry the calls of client-0"):
                await call(sealed(manifest, keys, doors, "client-0", caller=caller)[0], joins(manifest)[0])
        assert (
            await call(sealed(manifest, keys, doors, "client-0", caller="aggregator-1")[0], joins(manifest)[0])
        ).step == 0

    during(act)


def test_calls_are_passed_on_once_and_only_between_aggregators_of_the_run(during):
    async def act(manifest, keys, doors):
        way = sealed(manifest, keys, doors, "client-0", via="aggregator-0", caller="aggregator-1")[1]
        with pytest.raises(NotEnrolled, match="aggregator-1 is an aggregator: it calls aggregator-1 itself"):
            await call(way, joins(manifest)[1])
        run = manifests.run_id(manifest)
        lost = SealedRequest(run, "aggregator-9", "client-0", None, 0, bytes(20))
        with pytest.raises(NotEnrolled, match="no aggregator aggregator-9 besides this one"):
            await call(LocalTransport(doors["aggregator-0"].answer, caller="client-0"), lost)
        with pytest.raises(NotEnrolled, match="lists no client stranger"):
            await call(
                LocalTransport(doors["aggregator-0"].answer, caller="stranger"),
                dataclasses.replace(lost, to="aggregator-0", client="stranger"),
            )

    during(act)


def test_what_passes_the_relay_says_nothing_of_share_or_answer(during):
    """The same calls with other secrets have the same lengths, and none of the words that they carry."""
    seen = []

    class Tap(Transport):
        def __init__(self, inner):
            self._inner = inner

        async def call(self, request, *, timeout_s):
            reply = await self._inner.call(request, timeout_s=timeout_s)
            seen.append((request, reply))
            return reply

    async def act(manifest, keys, doors):
        names = [client.name for client in manifest.clients]
        around = {name: Tap if name == "client-0" else (lambda way: way) for name in names}
        calls = (
            takes_part(manifest, n, sealed(manifest, keys, doors, n, via="aggregator-0", around=around[n]))
            for n in names
        )
        await asyncio.gather(*calls)

    during(act)
    assert {type(request) for request, _ in seen} == {SealedRequest}
    assert {type(reply) for _, reply in seen} == {SealedReply}
    bodies = [request.body for request, _ in seen] + [reply.body for _, reply in seen]
    assert len(set(bodies)) == len(bodies)
    to_last = [(r.counter, len(r.body), len(a.body)) for r, a in seen if r.to == "aggregator-1" and r.handshake is None]
    assert [counter for counter, _, _ in to_last] == [1, 2, 3, 4, 5]
    assert len({(size, answer) for _, size, answer in to_last[1:]}) == 1
    ones = np.unpackbits(np.frombuffer(b"".join(bodies), dtype=np.uint8)).mean()
    assert abs(ones - 0.5) < 0.03


def test_a_share_before_the_join_is_refused(during):
    async def act(manifest, keys, doors):
        way = sealed(manifest, keys, doors, "client-0")[1]
        run = manifests.run_id(manifest)
        with pytest.raises(NotJoined):
            await call(way, Share(run, 0, np.zeros(0, dtype=np.uint64), start=bytes(16)))
        await call(way, joins(manifest)[1])
        await call(way, joins(manifest)[1])  # again: nothing changes

    during(act)


@pytest.mark.parametrize("given", [{}, {"mode": "outcome", "security": "active"}], ids=["semi-honest", "active"])
def test_a_client_joins_again_with_a_secret_for_each_start(manifest_of, given):
    """What a copy of it, that was started elsewhere, has begun ends nobody's session."""
    manifest, keys = pin_keys(manifest_of(k=2, **given))
    run, name = manifests.run_id(manifest), manifest.aggregators[0].name

    async def answer(caller, request):
        return JoinReply(3)

    async def act():
        run_gateway = RunGateway(manifest, keys.servers[name].sealing, {})
        more = {"authorities": [keys.authority.certificate], "access": Access()}
        door = Gateway(name, [run_gateway], answer, secrets=Store("sqlite://"), **more)
        starts = [sealed(manifest, keys, {name: door, "aggregator-1": door}, "client-0")[0] for _ in range(STARTS + 1)]
        share = Share(run, 0, np.zeros(0, dtype=np.uint64), start=bytes(16))
        await call(starts[0], Join(run, b""))
        starts[1]._open()
        with pytest.raises(NotSealed):
            await call(starts[1], share)  # before its join
        for way in starts[1:-1]:
            await call(way, Join(run, b""))
        await call(starts[0], Join(run, b""))
        await call(starts[0], Join(run, b""))
        assert len(run_gateway.sessions["client-0"]) == STARTS
        with pytest.raises(ConflictingReplay, match=f"joined with {STARTS} secrets"):
            await call(starts[-1], Join(run, b""))

    asyncio.run(act())


def test_an_answer_is_bound_to_its_call(during):
    class Old(Transport):
        """Answers every call with the answer to the first."""

        def __init__(self, inner):
            self._inner, self._first = inner, None

        async def call(self, request, *, timeout_s):
            self._first = self._first or await self._inner.call(request, timeout_s=timeout_s)
            return self._first

    async def act(manifest, keys, doors):
        way = sealed(manifest, keys, doors, "client-0", around=Old)[1]
        await call(way, joins(manifest)[1])
        with pytest.raises(NotSealed):
            await call(way, joins(manifest)[1])

    during(act)


def test_a_restarted_door_knows_its_sessions(party, operators_of, tmp_path):
    manifest, keys = party
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"

    async def act():
        with operators_of(manifest) as operators:
            stores = [Store(url), Store("sqlite://")]
            with doors_of(operators, keys, stores=stores) as doors:
                way = sealed(manifest, keys, doors, "client-0")[0]
                await call(way, joins(manifest)[0])
            with doors_of(operators, keys, stores=[Store(url), Store("sqlite://")]) as again:
                way._inner = LocalTransport(again["aggregator-0"].answer, caller="client-0")
                share = Share(manifests.run_id(manifest), 3, np.zeros(0, dtype=np.uint64), start=bytes(16))
                with pytest.raises(Exception, match="step 0 comes next"):
                    await call(way, share)
            for store in stores:
                store.close()

    asyncio.run(act())


def test_a_client_that_is_revoked_is_left_out_from_the_next_round_on(during, tmp_path, party):
    file = tmp_path / "revoked.txt"
    access = {"aggregator-1": Access(revoked=file)}

    async def act(manifest, keys, doors):
        clients = {}
        for client in manifest.clients:
            ways = sealed(manifest, keys, doors, client.name)
            clients[client.name] = asyncio.ensure_future(Client.join(manifest, private(manifest, client.name), ways))
        clients = {name: await joined for name, joined in clients.items()}
        await asyncio.gather(*(client.advance() for client in clients.values()))
        file.write_text("# found cheating\nclient-1  # since Monday\n")
        ended = await asyncio.gather(*(client.run() for client in clients.values()), return_exceptions=True)
        assert isinstance(ended[1], Revoked)
        assert Revoked.code == "revoked"
        assert [ended[0], ended[2]] == [None, None]
        return [(client.step, client.missed) for client in clients.values()]

    assert during(act, access=access) == [(5, []), (1, []), (5, [])]


def test_a_letter_before_the_join_binds_its_client_to_no_keys_and_comes_sealed(during):
    async def act(manifest, keys, doors):
        run, heard = manifests.run_id(manifest), []

        async def answer(caller, request):
            heard.append((caller, type(request)))
            return LetterReply() if isinstance(request, Letter) else JoinReply(0)

        for door in doors.values():
            door._answer = answer
        for _ in range(2):  # a client that starts anew has other keys
            first, _ = sealed(manifest, keys, doors, "client-0")
            assert await call(first, Letter(run, 0, to="client-1", content=b"sealed")) == LetterReply()
        await call(first, joins(manifest)[0])
        with pytest.raises(NotSealed):
            await doors["aggregator-0"].answer("client-0", Letter(run, 0))
        return heard

    assert during(act) == [("client-0", Letter), ("client-0", Letter), ("client-0", Join)]
