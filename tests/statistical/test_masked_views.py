"""What one party of an active run receives is uniform, in each of two worlds that differ in what it must not learn.

Twenty tests for each aggregator, the dealer and a client: kinds and sizes of all messages in order, and 19 families
of statistics of all words, of their differences between neighbours and over half of a run, and of equal ones anywhere.
Left out is what the functionality tells that party (releases, members, names), what is sealed to another, and keys of
comparisons, which depend on nobody's words (`tests/unit/aggregator/masking`). The engine receives nothing but releases.
"""

import msgspec
import numpy as np
import pytest

from lpm_secure.audit.views import statistic
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.masking.messages import (
    ClientReply,
    Closing,
    KeyCommitment,
    KeyContribution,
    ProofAnswer,
    ProofQuestion,
    ReleaseAnswer,
    WordsNotice,
    from_bytes,
)
from protocols.masking.pads import PadPurpose, PadSource
from protocols.masking.words import unpack
from tests.masked_lies import KINDS
from tests.masked_runs import Secrets

ANY = KINDS | ProofAnswer | ReleaseAnswer
WORLDS = {"tau": (0, 0), "said": 3, "stage": 0}, {"tau": (7, 7), "said": 1, "stage": 0}
PARTIES = "aggregator-0", "aggregator-1", "dealer", "client-1"
FAMILIES = [
    "repeats",
    *(
        f"{words}: {what}{worlds}"
        for words in ("words", "steps", "neighbours")
        for what in ("bits", "high bins", "low bins")
        for worlds in ("", ", two worlds")
    ),
]
RUNS, FEW = 400, 8  # in each world; by default, few
ALARM = 1e-5  # for each family, all of whose tests together
WORD_BITS, RESIDUE_BITS = 58, 61


def bits(words, size):
    """Return the lowest bits of words, one after the other."""
    octets = np.ascontiguousarray(words, dtype="<u8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :size].ravel()


def octets(*contents):
    return np.concatenate([np.unpackbits(np.frombuffer(each, np.uint8)) for each in contents])


def residues(*pairs):
    return bits(np.array(pairs, dtype=np.uint64).ravel(), RESIDUE_BITS)


def fields(run, receiver, message):
    """Return all bits of a message that must be uniform."""
    if isinstance(message, WordsNotice):
        shape = run.plan.shape(message.client, message.number)
        masked = unpack(message.e, shape.width + 1, shape.n)
        given = [bits(from_bytes(message.d), WORD_BITS), bits(masked, 64)[bits(shape.masks, 64) == 1]]
        given.append(bits(from_bytes(message.rows), RESIDUE_BITS))
    elif isinstance(message, ProofQuestion):
        given = [octets(each.rho) for each in message.clients]
        given += [residues(*each.challenges) for each in message.clients]
    elif isinstance(message, ProofAnswer):
        given = [residues(each.element, each.claim) for each in message.clients]
    elif isinstance(message, ReleaseAnswer):
        released = from_bytes(message.pads)
        given = [bits(released[released != 0], WORD_BITS), bits(from_bytes(message.offsets), run.plan.difference_bits)]
    elif isinstance(message, KeyCommitment | Closing):
        given = [octets(message.digest)]
    elif isinstance(message, KeyContribution):
        given = [octets(message.part)]
    elif isinstance(message, ClientReply) and receiver.startswith("client"):
        given = [bits(from_bytes(message.answers), 64)]
    else:
        given = []
    return np.concatenate([np.zeros(0, np.uint8), *given])


def play(begin, world):
    """Play a run, and return what each party received: words in their order, and all messages' kinds and sizes."""
    passed = []

    def between(sender, receiver, message):
        passed.append((sender, receiver, message))
        return message

    run, secrets = begin(between=between), Secrets(**world)
    while run.aggregators[0].number < run.plan.manifest.schedule.rounds:
        run.play(secrets.words(run))
    found, shapes, halves = {name: [] for name in PARTIES}, {name: [] for name in PARTIES}, []
    for sender, receiver, envelope in passed:
        if receiver not in PARTIES:
            continue
        content = msgspec.msgpack.decode(envelope.content, type=ANY)
        shapes[receiver].append((sender, type(content).__name__, len(envelope.content), len(envelope.parts)))
        if receiver == "dealer" and sender != "aggregator-0":
            continue  # both ask alike
        if receiver == "client-1" and isinstance(content, ClientReply):
            halves.append(content.answers)
            if sender != "aggregator-0":
                continue
        found[receiver].append(words_of(fields(run, receiver, content)))
    assert halves
    assert halves[::2] == halves[1::2]  # each half is uniform, and both are the same where an agent's bit is 0
    return {name: np.concatenate(each) for name, each in found.items()}, shapes


def words_of(given):
    """Return a message's bits as words of 64, without those that are left over: two rounds' words stand alike."""
    whole = given[: given.size // 64 * 64].reshape(-1, 64)
    return np.packbits(whole, axis=1).view(">u8").ravel().astype(np.uint64)


def views(begin, runs):
    """Return of each party uint64[2, runs, d], and the different shapes of its views in each world."""
    worlds = [[play(begin, world) for _ in range(runs)] for world in WORLDS]
    words = {name: np.array([[each[name] for each, _ in world] for world in worlds]) for name in PARTIES}
    shapes = {name: [{str(each[name]) for _, each in world} for world in worlds] for name in PARTIES}
    return words, shapes


@pytest.fixture
def begin(manifest_of, seir):
    """Return what starts a run of two steps of two clients of two agents each; a level is what was told, times 1."""
    model = seir(beta=(1,), cell_beta=0, f=1)
    manifest = manifest_of(((1, 2), (3, 4)), mode="outcome", steps=2, max_message=4, model=model)
    return lambda between: MaskedRun.draw(manifest, between=between).start()


_MANY = {}


@pytest.fixture
def many(begin):
    """Return p-values and shapes of the views of many runs, which are played once."""
    if not _MANY:
        words, shapes = views(begin, RUNS)
        for party in PARTIES:
            _MANY[party] = statistic.p_values(words[party], words[party].shape[2] // 2), shapes[party]
    return _MANY


def smallest(words):
    """Return the smallest p-value of views of few runs, with all of their words in four columns."""
    d = words.shape[2] // 4 * 4
    return statistic.smallest(words[:, :, :d].reshape(2, -1, 4), 2)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_words_that_a_party_receives_are_uniform_in_each_world(many, party, family):
    found, _ = many[party]
    assert sorted(found) == sorted(FAMILIES)
    assert found[family].min() * found[family].size > ALARM


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("party", PARTIES)
def test_kinds_order_and_sizes_of_all_messages_are_one_in_both_worlds(many, party):
    _, (one, other) = many[party]
    assert len(one) == 1
    assert one == other


def test_few_runs_show_each_party_uniform_words_and_one_shape(begin):
    words, shapes = views(begin, FEW)
    for name in PARTIES:
        assert shapes[name][0] == shapes[name][1]
        assert len(shapes[name][0]) == 1
    for name in PARTIES[:-1]:  # a client is told too few words
        assert smallest(words[name])[0] > ALARM, smallest(words[name])


def once(stream):
    """Return streams that serve each round anew."""
    return lambda self, purpose, number, count, **named: stream(self, purpose, 0, count, **named)


def even(stream):
    """Return streams whose words lack their lowest bit."""
    return lambda self, *given, **named: stream(self, *given, **named) & ~np.uint64(1)


def unmasked(purpose):
    """Return streams of which those for one purpose are nothing."""

    def change(stream):
        def changed(self, of, number, count, **named):
            words = stream(self, of, number, count, **named)
            return words * np.uint64(of != purpose)

        return changed

    return change


BROKEN = {
    "pads that serve each round anew": once,
    "pads without their lowest bit": even,
    **{f"no {purpose.name}": unmasked(purpose) for purpose in PadPurpose if purpose.name in ("WORDS", "BITS", "PROOF")},
}


@pytest.mark.parametrize(
    ("broken", "runs"),
    [("pads that serve each round anew", FEW), *(pytest.param(name, 60, marks=pytest.mark.slow) for name in BROKEN)],
)
def test_masks_that_are_none_are_caught(begin, monkeypatch, broken, runs):
    monkeypatch.setattr(PadSource, "stream", BROKEN[broken](PadSource.stream))
    words = views(begin, runs)[0]["aggregator-0"]
    assert statistic.smallest(words, words.shape[2] // 2)[0] < ALARM
