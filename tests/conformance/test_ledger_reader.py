"""Who reads all ledgers and deliveries of a run, as its auditor may, learns no outcome: a digest hides what it is of.

An unsalted digest of a short share is the share: it has few values, and whoever has the digest hashes them all.
"""

import asyncio
import hashlib

import msgspec
import numpy as np
import pytest

from aggregator.release.ledger import Ledger
from client_sdk import Client, ContactTable, PrivateState
from protocols.identity import signing
from protocols.releases import ledger as ledgers
from protocols.releases.deliveries import load, path_beside
from protocols.releases.ledger import RoundEvent
from protocols.task import manifest as manifests
from protocols.task.rounds import Phase
from protocols.wire.messages import RoundResult
from protocols.wire.transport import Transport

NOBODY = ContactTable(*np.zeros((5, 0), dtype=np.int64))


class Recorder(Transport):
    """Keeps what one client is told when its outcomes are decided."""

    def __init__(self, inner, answers):
        self._inner, self._answers = inner, answers

    async def call(self, request, *, timeout_s):
        reply = await self._inner.call(request, timeout_s=timeout_s)
        if isinstance(reply, RoundResult) and reply.phase == Phase.DECIDE:
            self._answers[reply.step] = reply.own.tobytes() + reply.release.tobytes() + reply.synthetic.tobytes()
        return reply


@pytest.fixture
def deliveries(manifest_of, operators_of, tmp_path):
    """Return the events of each ledger, and what each aggregator told a client of one agent when it was decided."""
    manifest = manifest_of([(1,), (2, 3), (4, 5)], mode="outcome", k=2, steps=4)
    run, keys = manifests.run_id(manifest), [signing.new_key() for _ in manifest.aggregators]
    paths = [tmp_path / f"{party.name}.jsonl" for party in manifest.aggregators]
    books = [
        Ledger(path, run=run, name=party.name, key=key)
        for path, party, key in zip(paths, manifest.aggregators, keys, strict=True)
    ]
    answers = [{} for _ in paths]

    async def take_part(operators, name):
        transports = operators.transports(name)
        if name == manifest.clients[0].name:
            transports = [Recorder(*pair) for pair in zip(transports, answers, strict=True)]
        state = PrivateState(manifest, name, contacts=NOBODY, cell=np.zeros(0, dtype=np.int64))
        await (await Client.join(manifest, state, transports)).run()

    async def everybody():
        with operators_of(manifest, ledgers=books) as operators:
            await asyncio.gather(*(take_part(operators, party.name) for party in manifest.clients))

    asyncio.run(everybody())
    events = [ledgers.load(path, signing.public_of(key)) for path, key in zip(paths, keys, strict=True)]
    told = [
        [shown_of(event, load(path_beside(path))) for event in each if isinstance(event, RoundEvent)]
        for path, each in zip(paths, events, strict=True)
    ]
    return manifest.clients[0].name, told, answers


def shown_of(event, proofs):
    """Return a round with what its aggregator's deliveries show of it, which has the root of the ledger."""
    proof = proofs[event.agreed.number]
    assert proof.root == event.deliveries.root
    return msgspec.structs.replace(event, told=tuple(proof.told.values()))


def entry_of(event, client):
    return next(each for each in event.told if each.party == client)


def test_a_short_share_is_not_found_by_hashing_what_it_may_be(deliveries):
    client, told, answers = deliveries
    decided = [[e for e in each if e.agreed.phase == Phase.DECIDE] for each in told]
    assert [len(each) for each in decided] == [4, 4]
    for events, answer in zip(decided, answers, strict=True):
        for event in events:
            entry, content = entry_of(event, client), answer[event.agreed.step]
            guesses = {int(first).to_bytes(8, "little") + content[8:] for first in range(256)}
            assert content in guesses  # the share has few values, and the reader knows the rest
            assert entry.size == len(content)
            assert entry.digest not in {hashlib.sha256(guess).digest() for guess in guesses}


def test_what_the_other_aggregator_holds_does_not_help(deliveries):
    client, told, answers = deliveries
    for events, own, others in zip(told, answers, reversed(answers), strict=True):
        for event in events:
            if event.agreed.phase == Phase.DECIDE:
                content = others[event.agreed.step]
                word = int.from_bytes(content[:8], "little")
                guesses = [(word ^ bit).to_bytes(8, "little") + content[8:] for bit in (0, 1)]
                assert own[event.agreed.step] in guesses
                digest = entry_of(event, client).digest
                assert digest not in {hashlib.sha256(guess).digest() for guess in guesses}


def test_equal_deliveries_have_different_digests(deliveries):
    _, told, _ = deliveries
    digests = [entry.digest for each in told for event in each for entry in event.told]
    assert len(set(digests)) == len(digests)
