"""Faults of one run in this process, as seeds draw them: honest bits, or one clear end for all.

One party signs another content, or its bytes change on the way, or it sends something of before again; in half of the
runs a client ends as well, and comes back with a fresh seed in a later step or the same one; in half of them servers
end before a round, and go on from what they had written.
"""

import random

import msgspec

from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import LpmError, RoundClosed
from protocols.identity.signing import SignaturePurpose, sign
from protocols.masking.envelope import SignedMessage
from protocols.task.rounds import Phase
from tests.conftest import _manifest, _seir
from tests.masked_restarts import renew_server
from tests.masked_runs import Secrets, come_back, start_again

DEALER = "dealer"
SENDERS = ("aggregator-0", "aggregator-1", "client-0", "client-1")
WORLD = {"tau": (0, 5), "said": 3, "stage": 2}
STEPS = 2
ROUNDS = 2 * STEPS + 2


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


class MessageFault:
    """Changes one message of one sender, once, as seeds draw it: its bytes on the way, or a content that it signs."""

    def __init__(self, seed, sender):
        self.draw, self.sender, self.count, self.run, self.earlier = random.Random(seed), sender, 0, None, []
        self.at, self.how = self.draw.randrange(20), self.draw.choice(["sign", "sign", "sign", "bytes", "replay"])
        self.client, self.since, self.back = None, ROUNDS, ROUNDS
        if self.draw.random() < 0.5:
            self.client, self.since = self.draw.choice(SENDERS[2:]), self.draw.randrange(1, ROUNDS)
            self.back = self.draw.choice([number for number in (*range(1, ROUNDS, 2), ROUNDS) if number >= self.since])
        also = random.Random(-1 - seed)  # what was drawn before servers came back stays as it was
        ends = [(number, name) for number in range(1, ROUNDS) for name in (*SENDERS[:2], DEALER)]
        self.ends = also.sample(ends, also.choice([1, 2, 5])) if also.random() < 0.5 else []

    def __call__(self, sender, receiver, message):
        if self.run is None or sender != self.sender:
            return message
        self.earlier.append(message)
        self.count += 1
        if self.count != self.at + 1:
            return message
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


def play(seed, sender):
    """Play a run with one fault; return whether it ended, and what is wrong with that."""
    fault = MessageFault(seed, sender)
    model = _seir(beta=(1,), cell_beta=0, f=1)
    manifest = _manifest(((1, 2), (3, 4)), mode="outcome", steps=STEPS, max_message=4, model=model)
    run = MaskedRun.draw(manifest, between=fault).start()
    fault.run = run
    try:
        return False, _bits(run, fault)
    except LpmError:
        parties = (*run.aggregators, run.dealer, *run.clients.values())
        return True, [f"{each.signer.name} goes on" for each in parties if not each.ending]


def _bits(run, fault):
    """Play all rounds, and return the wrong bits that client-0 was told; levels grow where client-1 was heard."""
    secrets, wrong, heard, is_back = Secrets(**WORLD), [], 0, False
    for number in range(ROUNDS):
        for _, name in (each for each in fault.ends if each[0] == number):
            renew_server(run, name)
        if number == fault.back:
            try:
                come_back(run, start_again(run, fault.client))
                is_back = True
            except RoundClosed:
                pass  # out for good, as both have told
        words = secrets.words(run)
        if number >= fault.since and not is_back:
            words.pop(fault.client)
        readings = run.play(words)
        phase = run.plan.phase(number)
        heard += WORLD["said"] * (phase == Phase.SPEAK and "client-1" in readings)
        if phase == Phase.DECIDE and "client-0" in readings and fault.sender != "client-0":
            bits = readings["client-0"].outcomes[:, 0].tolist()
            wrong += [] if bits == [int(heard > tau) for tau in WORLD["tau"]] else [f"round {number} told {bits}"]
    return wrong
