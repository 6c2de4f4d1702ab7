"""A client's side of a masked round: what of two replies it takes, and what it refuses."""

import asyncio
import os

import msgspec
import numpy as np
import pytest

from client_sdk.masking.exchange import MaskedExchange
from client_sdk.masking.masking_client import MaskingClient, read_release
from protocols.errors import BadSignature, PartiesDisagree, RunEnded, Unavailable, WrongLength
from protocols.identity.sealing_key import SealingKey, public_key
from protocols.identity.signing import new_key, public_of
from protocols.masking.envelope import Signer, read
from protocols.masking.journal import MemoryJournal
from protocols.masking.messages import ClientReply, Stop, WordsNotice, to_bytes
from protocols.masking.plan import MaskingPlan
from protocols.masking.words import residue
from protocols.task.rounds import Phase

DEALER = public_key(SealingKey.generate().public)
DECIDE = 2


class Alone:
    """One client, and the keys of aggregators that tell it whatever a test wants."""

    def __init__(self, manifest):
        self.plan = MaskingPlan(manifest)
        self.names = (*self.plan.aggregators, *self.plan.names)
        self.signers = {name: Signer(name, new_key(), os.urandom(32)) for name in self.names}
        self.keys = {name: public_of(signer.key) for name, signer in self.signers.items()}
        self.client = MaskingClient(self.plan, self.signers["client-0"], self.keys, MemoryJournal(), dealer=DEALER)

    def labels(self, bits):
        expected = self.client.seed.source.labels(DECIDE, len(bits), outcome=0)
        return np.where(np.array(bits) == 1, expected, 0).astype(np.uint64)

    def replies(self, words, *, other=None, **changes):
        """Return both replies, whose answers XOR to `words`; `other` changes the second one."""
        mask = np.frombuffer(os.urandom(8 * words.size), np.uint64)
        given = {"run": self.plan.run, "number": DECIDE, "client": "client-0", "accepted": self.plan.names}
        given |= {"announcement": b"", "release": b""} | changes
        first = ClientReply(**given, answers=to_bytes(mask))
        second = ClientReply(**given | {"answers": to_bytes(mask ^ words)} | (other or {}))
        one, two = self.plan.aggregators
        return self.signers[one].send(first), self.signers[two].send(second)


@pytest.fixture
def alone(manifest_of):
    return Alone(manifest_of(mode="outcome"))


def test_a_label_is_a_bit_of_1_and_nothing_is_one_of_0(alone):
    assert alone.client.open(DECIDE, alone.replies(alone.labels([1, 0]))).outcomes.tolist() == [[1], [0]]


def test_a_message_goes_out_when_the_disk_has_it_and_what_it_tells(alone, monkeypatch):
    written, record_all = [], MemoryJournal.record_all

    def record(journal, entries, *, sync=True):
        written.append((set(entries), sync))
        record_all(journal, entries, sync=sync)

    monkeypatch.setattr(MemoryJournal, "record_all", record)
    alone.client.message(0, np.zeros(alone.plan.count("client-0", 0), np.uint64))
    assert written == [({"vector 0", "words 0"}, True)]


@pytest.mark.parametrize("bits", [[0, 0], [1, 1]])
def test_any_other_word_ends_the_run_whatever_the_bit(alone, bits):
    wrong = alone.labels(bits)
    wrong[1] ^= np.uint64(2)
    with pytest.raises(PartiesDisagree, match="neither of the two"):
        alone.client.open(DECIDE, alone.replies(wrong))
    with pytest.raises(RunEnded):
        alone.client.open(DECIDE, alone.replies(alone.labels(bits)))
    assert "neither" in read(alone.client.stop(), Stop, keys=alone.keys, run=alone.plan.run).reason


@pytest.mark.parametrize(
    "other",
    [
        {"accepted": ("client-0",)},
        {"announcement": bytes(8)},
        {"release": bytes(8)},
        {"number": 4},
        {"client": "client-1"},
        {"answers": bytes(8)},
    ],
)
def test_two_replies_that_differ_in_what_is_public_are_refused(alone, other):
    with pytest.raises(PartiesDisagree, match="different things"):
        alone.client.open(DECIDE, alone.replies(alone.labels([1, 0]), other=other))


@pytest.mark.parametrize("changes", [{"number": 4}, {"client": "client-1"}, {"release": bytes(8)}])
def test_replies_that_agree_on_another_round_client_or_size_are_refused(alone, changes):
    with pytest.raises(PartiesDisagree):
        alone.client.open(DECIDE, alone.replies(alone.labels([1, 0]), **changes))


def test_both_replies_come_from_another_aggregator_each(alone):
    first, second = alone.replies(alone.labels([0, 0]))
    with pytest.raises(PartiesDisagree):
        alone.client.open(DECIDE, (first, first))
    again = Alone(alone.plan.manifest)
    with pytest.raises(BadSignature):
        again.client.open(DECIDE, (first, second))


def test_the_engine_reads_a_release_that_both_told(alone):
    words = to_bytes(np.arange(4, dtype=np.uint64))
    nothing = np.zeros(0, np.uint64)
    both = alone.replies(nothing, client="engine", number=1, release=words)
    assert read_release(alone.plan, both, keys=alone.keys).release.tolist() == [0, 1, 2, 3]
    with pytest.raises(PartiesDisagree):
        read_release(alone.plan, alone.replies(nothing, number=1, release=words), keys=alone.keys)


def test_a_stop_of_another_party_is_the_end(alone):
    stop = alone.signers["client-1"].send(Stop(run=alone.plan.run, number=0, reason="a test"))
    with pytest.raises(BadSignature):
        alone.client.end(msgspec.structs.replace(stop, sender="client-2"))
    alone.client.end(stop)
    with pytest.raises(RunEnded, match="client-1 has stopped: a test"):
        alone.client.message(0, np.zeros(2, np.uint64))


def test_a_vector_of_another_length_is_refused(alone):
    with pytest.raises(WrongLength):
        alone.client.message(0, np.zeros(3, np.uint64))


class Answering:
    """Answers rounds with what a test gives; nothing where it gives nothing. What it was handed, it keeps."""

    def __init__(self, *replies):
        self.replies, self.handed, self.stops = list(replies), [], []

    async def exchange(self, envelope, *, step):
        self.handed.append(envelope)
        replies = self.replies.pop(0)
        if replies is None:
            raise Unavailable("nobody answers")
        return replies

    async def stop(self, envelope):
        self.stops.append(envelope)


def decide(exchange, step, sums):
    return asyncio.run(exchange.round(np.array(sums, np.uint64), step=step, phase=Phase.DECIDE))


def test_own_levels_are_told_as_their_growth(alone):
    numbers = [alone.plan.manifest.schedule.number(step, Phase.DECIDE) for step in range(3)]
    replies = [alone.replies(np.zeros(2, np.uint64), number=number) for number in numbers]
    channel = Answering(*replies)
    exchange = MaskedExchange(alone.client, channel)
    for step, sums in enumerate(([3, 0], [7, 2], [7, 2])):
        decide(exchange, step, sums)
    masked = [alone.client.read(envelope, WordsNotice).words(2) for envelope in channel.handed]
    pads = [alone.client.seed.source.pads(number, 2) for number in numbers]
    assert residue(np.array(masked) - np.array(pads)).tolist() == [[3, 0], [4, 2], [0, 0]]


def test_a_decision_that_nobody_answered_is_the_end_and_no_other_words_of_it_are_told(alone):
    """A server that keeps its answer back could drop whom it likes, and ask another growth of whom it does not."""
    channel = Answering(None, alone.replies(alone.labels([1, 0])))
    exchange = MaskedExchange(alone.client, channel)
    with pytest.raises(Unavailable):
        decide(exchange, 0, [3, 0])
    assert len(channel.stops) == 1
    with pytest.raises(RunEnded):
        decide(exchange, 0, [4, 0])
    assert len(channel.handed) == 1


@pytest.mark.parametrize(("changed", "error"), [("signature", BadSignature), ("sender", PartiesDisagree)])
def test_whatever_is_wrong_with_a_reply_everybody_is_told_that_the_run_is_over(alone, changed, error):
    first, second = alone.replies(alone.labels([1, 0]))
    wrong = msgspec.structs.replace(second, signature=bytes(64)) if changed == "signature" else first
    channel = Answering((first, wrong))
    with pytest.raises(error):
        decide(MaskedExchange(alone.client, channel), 0, [3, 0])
    assert [read(stop, Stop, keys=alone.keys, run=alone.plan.run).reason for stop in channel.stops] != []


def test_no_secret_is_printed(alone):
    text = repr(alone.client)
    assert str(alone.client.seed.source.seed) not in text
