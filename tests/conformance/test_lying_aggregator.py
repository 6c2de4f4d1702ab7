"""One aggregator lies, with clients that call as often as they like: what it finds out is the same in two worlds.

The attackers are wrapped around real parties here; all others are as shipped. What a lying aggregator still
can do, `docs/security/threat_model.md` lists.
"""

import asyncio
import dataclasses
import os

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.on_shares.agreement import ResultShare
from aggregator.release.ledger import Ledger
from client_sdk import Client
from client_sdk.private.contacts import ContactTable
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import LpmError, PartiesDisagree, ResultsDiffer, RunEnded, Unavailable
from protocols.identity import signing
from protocols.releases import ledger
from protocols.releases.ledger import RefusalEvent
from protocols.task import manifest as manifests
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase
from protocols.wire.messages import (
    Announcement,
    Computation,
    ComputationQuery,
    Join,
    MembersQuery,
    RoundResult,
    Share,
    TrialQuery,
)
from protocols.wire.transport import Transport

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
HONEST, LIAR = 0, 1


def small(manifest_of, seir, **changes):
    given = {"mode": "outcome", "model": seir(initial=2**31), "max_message": 3, "steps": 2, "round_timeout_s": 1.0}
    manifest = manifest_of([(1,), (2, 3), (4, 5)], **given | changes)
    table = ContactTable(*np.array([[0, 0, 1, 0, 3], [0, 1, 3, 0, 2], [0, 2, 4, 0, 1]], dtype=np.int64).T)
    return Testbed(manifest, table, np.zeros(0, dtype=np.int64), 0, "made up", True)


class Prober:
    """In place of an aggregator's honest part: shifts one checked word each time, and computes as often as it can."""

    def __init__(self, joint, shift):
        self._honest, self._shift, self.verdicts = joint, shift, []

    def opening(self):
        """Take no note of it."""

    async def result_name(self, number):
        return os.urandom(32)  # never what the other one holds

    async def settle(self, number, program, *, kind):
        if number == 0:
            return await self._honest.settle(number, program, kind=kind)
        for _ in range(6):
            await self._honest._backend.compute(
                lambda inner: program(Shifted(inner, self)), kind=kind, round_number=number
            )
        raise Unavailable("it has asked enough")

    def out_of_range(self, calculator, x, bits, opening):
        """Add what makes the verdict tell whether a word is at least as large as the attacker likes."""
        word, shifted = int(np.argmax(bits)), x.copy()
        shifted[word] += self._shift(int(bits[word]))
        self.verdicts.append(calculator.out_of_range(shifted, bits, opening))
        return False


class Shifted:
    """A calculator that a prober computes with."""

    def __init__(self, inner, prober):
        self._inner, self._prober = inner, prober

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def out_of_range(self, x, bits, opening):
        return self._prober.out_of_range(self._inner, x, bits, opening)


async def persists(client):
    """Take part, and call again after every error, as an accomplice would."""
    for _ in range(4):
        try:
            await client.run()
        except LpmError:
            continue


SHIFTS = {"results-differ": lambda bits: 0, "out-of-range": lambda bits: 1 << bits}


@pytest.mark.parametrize(("code", "shift"), SHIFTS.items(), ids=SHIFTS)
def test_an_aggregator_that_shifts_a_checked_word_gets_one_verdict_of_a_round(
    code, shift, manifest_of, seir, operators_of, tmp_path
):
    given = small(manifest_of, seir)
    manifest, paths = given.manifest, [tmp_path / f"ledger-{index}.jsonl" for index in range(2)]
    books = [
        Ledger(path, run=manifests.run_id(manifest), name=party.name, key=KEY)
        for path, party in zip(paths, manifest.aggregators, strict=True)
    ]
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("honest", "liar")]
    share = Share(manifests.run_id(manifest), 0, NOTHING, start=bytes(16))

    async def attack():
        with operators_of(manifest, urls, ledgers=books) as operators:
            outcome = operators.runs[LIAR]._joint.outcomes
            prober, barrier = Prober(outcome._joint, shift), outcome._joint._backend.joint._barrier
            joining = (
                Client.join(manifest, given.private_state(party.name), operators.transports(party.name))
                for party in manifest.clients
            )
            clients = await asyncio.gather(*joining)
            outcome._joint = prober
            running = [asyncio.ensure_future(persists(client)) for client in clients]
            await asyncio.wait(running, timeout=3.0)
            barrier.abort()  # whoever still waits for the other one to compute waits no longer
            await asyncio.gather(*running, return_exceptions=True)
            with pytest.raises(RunEnded) as ended:
                await operators.answers[HONEST]("client-0", share)
            return prober.verdicts, ended.value

    verdicts, ended = asyncio.run(attack())
    assert verdicts == [code == "out-of-range"]
    assert ended.code == code
    events = ledger.load(paths[HONEST], signing.public_of(KEY))
    assert [event.code for event in events if isinstance(event, RefusalEvent)] == [code]

    async def after():
        """Call a new process of the honest aggregator in every way there is."""
        with operators_of(manifest, urls) as operators:
            computed = []
            operators.runs[HONEST]._joint.outcomes._joint._backend = computed
            for caller, call in calls(manifests.run_id(manifest)):
                with pytest.raises(type(ended)) as told:
                    await operators.answers[HONEST](caller, call)
                assert str(told.value) == str(ended)
            return computed

    assert asyncio.run(after()) == []


NOTHING = np.zeros(0, dtype=np.uint64)


def calls(run):
    """Return every call that an aggregator answers, and who may make it."""
    return [
        ("client-0", Join(run, bytes(32))),
        ("client-1", Share(run, 0, NOTHING, start=bytes(16))),
        (ENGINE, Announcement(run, 0, NOTHING.view(np.int64))),
        ("aggregator-1", MembersQuery(run, 0)),
        ("aggregator-1", ComputationQuery(run, 0, Phase.SPEAK)),
        ("aggregator-1", TrialQuery(run, 0, 0, bytes(32))),
    ]


class Says(Transport):
    """Changes what one aggregator answers."""

    def __init__(self, inner, change):
        self._inner, self._change = inner, change

    async def call(self, request, *, timeout_s):
        return self._change(await self._inner.call(request, timeout_s=timeout_s))


def run_with(given, operators_of, around):
    """Run all clients behind transports, and return how each ended, and its agents' state."""
    manifest = given.manifest

    async def client(name, operators):
        joined = await Client.join(manifest, given.private_state(name), around(name, operators))
        await joined.run()
        return joined

    async def everybody():
        with operators_of(manifest) as operators:
            return await asyncio.gather(
                *(client(party.name, operators) for party in manifest.clients), return_exceptions=True
            )

    return asyncio.run(everybody())


def told_otherwise(change):
    """Return what the last aggregator tells one client when it decides, changed."""

    def transports(name, operators):
        *others, last = operators.transports(name)

        def changed(reply):
            decides = isinstance(reply, RoundResult) and reply.phase == Phase.DECIDE and name == "client-1"
            return dataclasses.replace(reply, own=change(reply.own)) if decides else reply

        return [*others, Says(last, changed)]

    return transports


def both_worlds(manifest_of, seir, k):
    """Return a run in which the agents of one client cross their thresholds at once, and one in which they never do."""
    for beta in (2**50, 0):
        yield small(manifest_of, seir, k=k, model=seir(initial=2**31, beta=(beta,)))


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("change", [lambda own: own ^ np.uint64(1), lambda own: own & np.uint64(0)], ids=["1", "0"])
def test_a_client_goes_on_alike_whatever_it_is_told_of_its_bits(k, change, manifest_of, seir, operators_of):
    for given in both_worlds(manifest_of, seir, k):
        ended = run_with(given, operators_of, told_otherwise(change))
        assert [type(each) for each in ended] == [Client] * 3
        assert [client.missed for client in ended] == [[]] * 3


@pytest.mark.parametrize("k", [2, 3])
def test_a_client_in_sum_mode_goes_on_alike_whatever_exposures_it_is_told(k, manifest_of, seir, operators_of):
    """It raises nothing, whatever numbers come: what it made of them shows in the next releases alone."""
    given = small(manifest_of, seir, k=k, mode="sum")
    draw = np.random.default_rng(5)

    def around(name, operators):
        *others, last = operators.transports(name)
        words = lambda reply: draw.integers(0, 2**64, reply.own.size, dtype=np.uint64)  # noqa: E731
        return [
            *others,
            Says(last, lambda reply: dataclasses.replace(reply, own=words(reply)) if is_told(reply) else reply),
        ]

    def is_told(reply):
        return isinstance(reply, RoundResult) and reply.own.size

    ended = run_with(given, operators_of, around)
    assert [type(each) for each in ended] == [Client] * 3


ODD = {
    "too many words": lambda own: np.append(own, own),
    "none": lambda own: own[:0],
    "a bit of no agent": lambda own: own | np.uint64(4),
    "many bits of no agent": lambda own: ~own,
}


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_an_odd_answer_ends_the_run_for_its_client_with_the_same_words_whatever_its_bits(
    k, change, manifest_of, seir, operators_of
):
    seen = set()
    for given in both_worlds(manifest_of, seir, k):
        error = run_with(given, operators_of, told_otherwise(change))[1]
        assert type(error) is PartiesDisagree
        seen.add(str(error))
    assert len(seen) == 1


def test_an_aggregator_that_says_another_name_ends_the_run_for_all_alike(manifest_of, seir, operators_of):
    given = small(manifest_of, seir)

    def another(reply):
        return Computation(reply.step, os.urandom(32)) if isinstance(reply, Computation) else reply

    def around(caller, callee, transport):
        return Says(transport, another) if (caller, callee) == ("aggregator-0", "aggregator-1") else transport

    async def act():
        with operators_of(given.manifest, around=around) as operators:
            joining = (
                Client.join(given.manifest, given.private_state(party.name), operators.transports(party.name))
                for party in given.manifest.clients
            )
            return await asyncio.gather(*joining, return_exceptions=True)

    errors = asyncio.run(act())
    assert [type(error) for error in errors] == [ResultsDiffer] * 3
    assert len({str(error) for error in errors}) == 1


def test_what_ends_at_one_aggregator_ends_at_the_other_when_it_asks(manifest_of, seir, operators_of):
    given = small(manifest_of, seir)

    async def act():
        with operators_of(given.manifest) as operators:
            one, other = operators.runs
            one._ending.take(0, ResultsDiffer("made up"))
            for party in given.manifest.clients:
                other.join(party.name, Join(other.id, b""))
            waiting = [
                other.exchange(
                    party.name,
                    Share(other.id, 0, np.zeros(len(party.agents), dtype=np.uint64), Phase.THRESHOLDS),
                )
                for party in given.manifest.clients
            ]
            return await asyncio.gather(*waiting, return_exceptions=True), other._store.run_end(other.id)

    errors, ended = asyncio.run(act())
    assert [(type(error), str(error)) for error in errors] == [(ResultsDiffer, "made up")] * 3
    assert (ended.number, ended.code, ended.reason) == (0, "results-differ", "made up")


def test_a_result_holds_no_list_of_clients():
    assert [field.name for field in dataclasses.fields(ResultShare)] == ["name", "words", "in_range"]
