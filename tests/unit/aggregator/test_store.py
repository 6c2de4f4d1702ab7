"""An aggregator that restarts goes on from its store: keys, the round in hand, and the last one that closed."""

import asyncio
import stat

import numpy as np
import pytest

from aggregator.store import PendingRound, RoundClosure, Store
from protocols.errors import ConflictingReplay, NotJoined, Unavailable
from protocols.wire.messages import Join, MembersQuery, Share

ALL = ("client-0", "client-1", "client-2")
STARTS = tuple(client.encode().ljust(16) for client in ALL)
LONG_S = 600.0


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'aggregator.db'}"


@pytest.fixture
def manifest(manifest_of):
    """Return a function that makes a manifest of three clients and k aggregators."""

    def made(k=2, **changes):
        return manifest_of(k=k, join_timeout_s=LONG_S, round_timeout_s=LONG_S, **changes)

    return made


async def closed(operator, told, step):
    told.tell(*ALL)
    return await operator.everybody(step, *ALL)


async def frozen(operator, *clients, step=0):
    """Let clients speak, and wait until the members are decided; nobody agrees."""
    waiting = [asyncio.ensure_future(operator.exchange(client, step, int(client[-1]) + 1)) for client in clients]
    while operator.run.round.decided is None:
        await asyncio.sleep(0.001)
    return waiting


async def given_up(waiting):
    """Return how the waiting calls end when the aggregator stops."""
    return [type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)]


def test_between_rounds_it_remembers_the_last_result_and_goes_on_with_the_next(manifest, during, url):
    async def before(operator, told):
        operator.join(*ALL)
        return [reply.release.tolist() for reply in await closed(operator, told, 0)]

    async def after(operator, told):
        again = [reply.release.tolist() for reply in await operator.everybody(0, *ALL)]
        with pytest.raises(ConflictingReplay, match="two different shares for step 0"):
            await operator.exchange("client-0", 0, 99)
        with pytest.raises(ConflictingReplay, match="two different shares for step 0"):
            await operator.run.exchange("client-0", Share(operator.run.id, 0, operator.vector(1), start=bytes(16)))
        members = await operator.run.members(MembersQuery(operator.run.id, 0))
        assert (members.names, members.starts) == (ALL, STARTS)
        return again, [reply.step for reply in await closed(operator, told, 1)]

    first = during(manifest(), before, url=url, peers=1)
    assert during(manifest(), after, url=url, peers=1) == (first, [1, 1, 1])


def test_keys_are_remembered(manifest, during, url):
    async def before(operator, told):
        operator.join(*ALL[:2])

    async def after(operator, told):
        with pytest.raises(ConflictingReplay, match="joined with another key"):
            operator.run.join("client-0", Join(operator.run.id, bytes(32)))
        with pytest.raises(NotJoined):
            await operator.exchange("client-2", 0)
        operator.join(*ALL)
        return [reply.members for reply in await closed(operator, told, 0)]

    during(manifest(), before, url=url, peers=1, index=0)
    assert during(manifest(), after, url=url, peers=1, index=0) == [3, 3, 3]


def test_shares_of_a_round_whose_members_are_not_decided_are_sent_again(manifest, during, url):
    async def before(operator, told):
        operator.join(*ALL)
        waiting = [asyncio.ensure_future(operator.exchange("client-0", 0, 1))]
        await asyncio.sleep(0.01)
        operator.run.stop()
        return await given_up(waiting)

    async def after(operator, told):
        return [reply.release.tolist()[0] for reply in await closed(operator, told, 0)]

    assert during(manifest(), before, url=url, peers=1) == [Unavailable]
    assert during(manifest(), after, url=url, peers=1) == [6, 6, 6]


@pytest.mark.parametrize("index", [0, 1], ids=["expands keys", "holds shares"])
def test_a_decision_is_kept_even_where_the_others_have_not_agreed(manifest, during, url, index):
    async def before(operator, told):
        operator.join(*ALL)
        operator.run.waited_for = set(ALL[:2])
        waiting = await frozen(operator, *ALL[:2])
        operator.run.stop()
        return await given_up(waiting)

    async def after(operator, told):
        members = await operator.run.members(MembersQuery(operator.run.id, 0))
        assert members.starts == STARTS[:2]
        told.tell(*ALL)
        return members.names, [(reply.step, reply.members) for reply in await operator.everybody(0, *ALL[:2])]

    assert during(manifest(), before, url=url, peers=1, index=index) == [Unavailable] * 2
    assert during(manifest(), after, url=url, peers=1, index=index) == (ALL[:2], [(0, 2), (0, 2)])


def test_a_restart_in_every_round_changes_no_total(manifest, during, url):
    async def life(operator, told, step):
        operator.join(*ALL)
        told.tell(*ALL)
        waiting = await frozen(operator, *ALL, step=step)
        return [reply.release.tolist() for reply in await asyncio.gather(*waiting)]

    async def stopped(operator, told, step):
        operator.join(*ALL)
        waiting = await frozen(operator, *ALL, step=step)
        operator.run.stop()
        await given_up(waiting)

    for step in range(5):
        during(manifest(), lambda *parts, step=step: stopped(*parts, step), url=url, peers=1, index=0)
        restarted = during(manifest(), lambda *parts, step=step: life(*parts, step), url=url, peers=1, index=0)
        alone = during(manifest(), lambda *parts, step=step: through(*parts, step), peers=1, index=0)
        assert restarted == alone


async def through(operator, told, last):
    """Run to a step in one life, and return its releases."""
    operator.join(*ALL)
    for step in range(last + 1):
        replies = await closed(operator, told, step)
    return [reply.release.tolist() for reply in replies]


def test_an_announcement_is_kept_with_the_decision(manifest, during, url):
    async def before(operator, told):
        operator.join(*ALL)
        waiting = [asyncio.ensure_future(operator.announce(0, 5, -7))]
        waiting += await frozen(operator, *ALL)
        operator.run.stop()
        return set(await given_up(waiting))

    async def after(operator, told):
        with pytest.raises(ConflictingReplay, match="two different totals for step 0"):
            await operator.announce(0, 5, 7)
        told.tell(*ALL)
        return [reply.synthetic.tolist() for reply in await operator.everybody(0, *ALL)]

    given = manifest(engine=True, cells=(9, 9))
    assert during(given, before, url=url, peers=1) == {Unavailable}
    assert during(given, after, url=url, peers=1) == [[5, -7]] * 3


def test_two_runs_in_one_store_keep_apart(manifest, during, url):
    async def once(operator, told):
        operator.join(*ALL)
        return [reply.step for reply in await closed(operator, told, 0)]

    for seed in (1, 2):
        assert during(manifest(testbed_seed=seed), once, url=url, peers=1) == [0, 0, 0]


def test_an_sqlite_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "aggregator.db"
    path.touch(mode=0o644)
    store = Store(f"sqlite:///{path}")
    store.save_client_key(bytes(32), "client-0", b"key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in tmp_path.iterdir())
    store.close()


def test_when_a_round_closes_its_shares_are_forgotten(tmp_path):
    secret = np.full(500, 0x5EC2E75EC2E75EC2, dtype=np.uint64).tobytes()
    store = Store(f"sqlite:///{tmp_path / 'aggregator.db'}")
    store.save_pending(bytes(32), PendingRound(0, {"client-0": secret}, b""))
    assert store.pending_round(bytes(32)).shares == {"client-0": secret}
    done = RoundClosure(0, ("client-0",), ("client-0",), {"client-0": b""}, b"total", b"", b"")
    store.save_round(bytes(32), done)
    assert (store.pending_round(bytes(32)), store.last_round(bytes(32))) == (None, done)
    store.close()
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert secret[:64] not in left


def test_a_share_larger_than_a_record_comes_back_whole(monkeypatch):
    monkeypatch.setattr("aggregator.store.PART_BYTES", 8)
    given = PendingRound(3, {"a": bytes(range(50)), "b": b"", "c": bytes(8)}, b"12345678")
    store = Store("sqlite://")
    store.save_pending(bytes(32), PendingRound(2, {"z": b"earlier"}, b""))
    store.save_pending(bytes(32), given)
    found = store.pending_round(bytes(32))
    assert (found.number, found.shares, found.synthetic) == (3, given.shares, given.synthetic)


def test_the_path_of_a_store_is_relative_to_its_folder_or_absolute(tmp_path):
    for url in ("sqlite:///relative.db", f"sqlite:///{tmp_path / 'absolute.db'}"):
        Store(url, tmp_path).close()
    assert {"relative.db", "absolute.db"} <= {path.name for path in tmp_path.iterdir()}
