"""Drawn faults: whatever one party signs or the network changes, honest bits or one clear end for all comes of it."""

import random

import msgspec
import pytest

from protocols.errors import LpmError
from protocols.identity.signing import SignaturePurpose, sign
from protocols.masking.envelope import SignedMessage
from tests.masked_runs import Secrets

WORLD = {"tau": (0, 7), "said": 3, "stage": 2}
BITS = [1, 0]


def change_leaf(draw, value):
    """Return a value with one leaf of it changed, shortened or left out."""
    if isinstance(value, list) and value:
        place = draw.randrange(len(value))
        rest = [each for index, each in enumerate(value) if index != place]
        return rest if draw.random() < 0.1 else [*value[:place], change_leaf(draw, value[place]), *value[place + 1 :]]
    if isinstance(value, bytes) and value:
        place = draw.randrange(len(value))
        flipped = bytes([value[place] ^ 1 << draw.randrange(8)])
        return value[:-1] if draw.random() < 0.2 else value[:place] + flipped + value[place + 1 :]
    if isinstance(value, int):
        return draw.choice([value + 1, value - 1, 0, 2**61 - 1, 2**63])
    return draw.choice([value, "client-0", "client-1", "engine", b"", [], 7])


class Fault:
    """Changes one message of one sender, once, as seeds draw it: its bytes on the way, or a content that it signs."""

    def __init__(self, seed, sender):
        self.draw, self.sender, self.count, self.run, self.earlier = random.Random(seed), sender, 0, None, []
        self.at, self.how = self.draw.randrange(14), self.draw.choice(["sign", "sign", "sign", "bytes", "replay"])
        self.struck = False

    def __call__(self, sender, receiver, message):
        if self.run is None or sender != self.sender:
            return message
        self.earlier.append(message)
        self.count += 1
        if self.count != self.at + 1:
            return message
        self.struck = True
        if self.how == "replay":
            return self.draw.choice(self.earlier)
        if self.how == "bytes":
            fields = [message.sender, message.content, message.nonce, message.signature]
            place = self.draw.choice([1, 2, 3])
            fields[place] = change_leaf(self.draw, fields[place])
            return SignedMessage(*fields)
        content = msgspec.msgpack.decode(message.content)
        return self.signed(msgspec.msgpack.encode(change_leaf(self.draw, content)))

    def signed(self, content):
        signer = self.run.signers[self.sender]
        blank = SignedMessage(self.sender, content, signer.nonce(content), bytes(64))
        return msgspec.structs.replace(blank, signature=sign(signer.key, SignaturePurpose.MESSAGE, blank.digest))


def play(start, seed, sender):
    """Play a run with one fault; return whether it ended."""
    fault = Fault(seed, sender)
    run = start(between=fault)
    fault.run, secrets = run, Secrets(**WORLD)
    try:
        for number in range(4):
            readings = run.play(secrets.words(run))
            if number == 2 and sender != "client-0":
                bits = readings["client-0"].outcomes[:, 0].tolist()
                # Without a client's message, agents of others do not hear it: then no level exceeds a threshold.
                assert bits == BITS or (sender == "client-1" and bits == [0, 0]), (seed, bits)
    except LpmError:
        parties = (*run.aggregators, run.dealer, *run.clients.values())
        assert all(party.ending for party in parties), seed
        return True
    return False


@pytest.mark.parametrize("sender", ["aggregator-0", "aggregator-1", "client-0", "client-1"])
def test_a_drawn_fault_changes_no_bit_and_ends_nobodys_run_alone(sender, start):
    ends = [play(start, seed, sender) for seed in range(12)]
    if sender.startswith("aggregator"):
        assert any(ends)
    else:
        assert not all(ends)


@pytest.mark.slow
@pytest.mark.parametrize("sender", ["aggregator-0", "aggregator-1", "client-0", "client-1"])
@pytest.mark.parametrize("part", range(10))
def test_many_drawn_faults_change_no_bit_and_end_nobodys_run_alone(sender, part, start):
    for seed in range(1000 + 125 * part, 1125 + 125 * part):
        play(start, seed, sender)
