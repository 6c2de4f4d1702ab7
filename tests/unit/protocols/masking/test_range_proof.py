"""A client's proof of ranges: honest words pass, a lie of one bit does not, and neither does what is not canonical."""

import dataclasses
import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.extension_field import P
from protocols.errors import WireError
from protocols.masking import range_proof
from protocols.masking.folding import ProofShape
from protocols.masking.pads import PadSource
from protocols.masking.range_proof import MaskedBits, ProofPart, ProofSide, parts_of
from protocols.masking.transcript import Question, Transcript
from protocols.masking.words import WIDTH, residue
from tests.repetitions import repetitions

NUMBER = RoundNumber(3)
SOURCE = PadSource(bytes(range(32)), bytes(32), "north", 1)
NONCE = bytes(reversed(range(32)))
BITS = np.array([5, 0, 22, 1, 22, 13, 57], dtype=np.uint8)
WORDS = np.array([31, 0, 2**22 - 1, 1, 0, 100, 2**57 - 1], dtype=np.uint64)


def transcript(d, e, context=b"run north 1 speak 3"):
    return Transcript(context, NONCE, d.tobytes() + e.tobytes())


def send(x, bits, source=SOURCE):
    """Return what a client sends, honest or not: d, and its masked bits with their proof."""
    shape, pads = ProofShape.of(bits), source.pads(NUMBER, x.size)
    d = residue(x + pads)
    masks = range_proof.bit_pads(source, NUMBER, shape)
    e = range_proof.mask_bits(x, d, pads, masks=masks, shape=shape)
    return d, MaskedBits(e, range_proof.prove(source, NUMBER, shape, transcript=transcript(d, e), masks=masks, e=e))


def examine(sent, d, shape, transcript):
    """Return an aggregator's part of one proof, and what it asks the dealer."""
    side = ProofSide.of_aggregator(sent, d, shape, transcript)
    return parts_of([side])[0], side.question


def answer(source, number, shape, *, pads, question):
    """Return the dealer's part of one proof."""
    return parts_of([ProofSide.of_dealer(source, number, shape, pads=pads, question=question)])[0]


def accepts(d, sent, bits, source=SOURCE):
    shape = ProofShape.of(bits)
    mine, question = examine(sent, d, shape, transcript(d, sent.e))
    his = answer(source, NUMBER, shape, pads=source.pads(NUMBER, bits.size), question=question)
    return range_proof.holds(mine, his)


@settings(max_examples=repetitions(30))
@given(st.lists(st.integers(0, 57), max_size=12), st.randoms(use_true_random=False))
def test_words_in_their_ranges_are_accepted_and_one_more_is_not(widths, random):
    bits = np.array(widths, dtype=np.uint8)
    x = np.array([random.randrange(2**b) for b in widths], dtype=np.uint64)
    assert accepts(*send(x, bits), bits)
    if widths:
        at = random.randrange(len(widths))
        for lie in (2 ** widths[at], 2**WIDTH - 1, 2**WIDTH - 2 ** widths[at]):
            wrong = x.copy()
            wrong[at] = lie
            assert not accepts(*send(wrong, bits), bits)


def test_the_edges_of_every_range_are_accepted():
    assert accepts(*send(WORDS, BITS), BITS)
    assert accepts(*send(np.zeros_like(WORDS), BITS), BITS)


@pytest.mark.parametrize("word", range(7))
def test_a_single_bit_that_is_changed_is_refused(word):
    d, sent = send(WORDS, BITS)
    for bit in (0, 1, 57):
        moved = d.copy()
        moved[word] ^= np.uint64(1 << bit)
        assert not accepts(moved, sent, BITS)
    for bit in {0, int(BITS[word]) - 1, 57} & set(range(58)):
        if int(ProofShape.of(BITS).masks[word]) >> bit & 1:
            e = sent.e.copy()
            e[word] ^= np.uint64(1 << bit)
            assert not accepts(d, dataclasses.replace(sent, e=e), BITS)


def test_every_number_of_the_proof_counts():
    d, sent = send(WORDS, BITS)
    for place in range(sent.rows.size):
        rows = sent.rows.copy()
        rows.reshape(-1)[place] = (int(rows.reshape(-1)[place]) + 1) % P
        assert not accepts(d, MaskedBits(sent.e, rows), BITS), place


def test_a_proof_with_a_row_too_few_or_too_many_is_refused():
    """With one row of several only the first fold was checked, and every word worth twice its range passed."""
    d, sent = send(WORDS, BITS)
    first = 2 * ProofShape.of(BITS).arity - 2
    for rows in (sent.rows[:first], sent.rows[:-6], np.concatenate([sent.rows, sent.rows[-6:]]), sent.rows[:-1]):
        with pytest.raises(WireError, match="rows"):
            accepts(d, MaskedBits(sent.e, rows), BITS)


def test_words_that_are_not_canonical_are_refused():
    """d + p is the same word in the proof, and another one modulo 2**58."""
    d, sent = send(WORDS, BITS)
    beyond = d.copy()
    beyond[0] += np.uint64(P)
    outside = sent.e.copy()
    outside[0] |= np.uint64(1 << 30)
    long = sent.e.copy()
    long[0] |= np.uint64(1 << 58)
    rows = sent.rows.copy()
    rows[0, 0] = P
    wrong = [(beyond, sent), (d, MaskedBits(outside, sent.rows)), (d, MaskedBits(long, sent.rows))]
    for words, bits in [*wrong, (d, MaskedBits(sent.e, rows)), (d[:-1], sent)]:
        with pytest.raises(WireError):
            accepts(words, bits, BITS)


def test_the_dealer_refuses_a_question_of_another_shape():
    shape = ProofShape.of(BITS)
    for challenges in ((), ((7, 0),) * (shape.rounds - 1), ((7, 0),) * (shape.rounds - 1) + ((6, 0),)):
        with pytest.raises(WireError):
            answer(SOURCE, NUMBER, shape, pads=SOURCE.pads(NUMBER, 7), question=Question(bytes(32), challenges))


def test_a_seed_in_another_clients_name_proves_nothing():
    d, sent = send(WORDS, BITS)
    assert not accepts(d, sent, BITS, dataclasses.replace(SOURCE, client="south"))


def test_a_proof_for_another_message_is_refused():
    d, sent = send(WORDS, BITS)
    shape = ProofShape.of(BITS)
    mine, question = examine(sent, d, shape, transcript(d, sent.e, b"run north 1 speak 4"))
    his = answer(SOURCE, NUMBER, shape, pads=SOURCE.pads(NUMBER, 7), question=question)
    assert not range_proof.holds(mine, his)


def test_each_part_of_the_check_is_needed():
    d, sent = send(WORDS, BITS)
    shape = ProofShape.of(BITS)
    mine, question = examine(sent, d, shape, transcript(d, sent.e))
    his = answer(SOURCE, NUMBER, shape, pads=SOURCE.pads(NUMBER, 7), question=question)
    assert range_proof.holds(mine, his)
    for change in ((1, 0), (0, 1)):
        moved = ((his.claim[0] + change[0]) % P, (his.claim[1] + change[1]) % P)
        assert not range_proof.holds(mine, ProofPart(his.element, moved))


def beside_each_other(sizes, liars=()):
    """Return both parties' parts of proofs by clients of so many words: alone, and all side by side."""
    mine, his = [], []
    for place, size in enumerate(sizes):
        source = dataclasses.replace(SOURCE, client=f"client {place}")
        bits = np.resize(BITS, size)
        x = np.where(bits > 0, 1, 0).astype(np.uint64)
        x[:1] <<= np.uint64(8 * (place in liars))
        d, sent = send(x, bits, source)
        shape = ProofShape.of(bits)
        mine.append(ProofSide.of_aggregator(sent, d, shape, transcript(d, sent.e)))
        given_ = {"pads": source.pads(NUMBER, size), "question": mine[-1].question}
        his.append(ProofSide.of_dealer(source, NUMBER, shape, **given_))
    return [(tuple(parts_of([each])[0] for each in sides), parts_of(sides)) for sides in (mine, his)]


@pytest.mark.parametrize("longest", [1, 60, range_proof.LONGEST])
def test_proofs_side_by_side_are_those_of_each_alone_and_a_liar_alone_fails(longest, monkeypatch):
    monkeypatch.setattr(range_proof, "LONGEST", longest)
    sizes, liars = (7, 30, 0, 8, 7, 300, 29, 11), {1, 4}
    (alone, mine), (his_alone, his) = beside_each_other(sizes, liars)
    assert (mine, his) == (alone, his_alone)
    passed = [range_proof.holds(*both) for both in zip(mine, his, strict=True)]
    assert passed == [place not in liars for place in range(len(sizes))]


def test_what_one_proof_lacks_no_other_one_makes_up_for():
    """Two lies that cancel out in a plain sum of all checks: each proof has a check of its own."""
    (_, mine), (_, his) = beside_each_other((7, 7))
    more, less = (
        dataclasses.replace(part, claim=((part.claim[0] + by) % P, part.claim[1]))
        for part, by in zip(mine, (1, -1), strict=True)
    )
    assert not any(range_proof.holds(*both) for both in zip((more, less), his, strict=True))


@pytest.mark.parametrize("word", [0, 127])
def test_what_an_aggregator_sees_is_uniform_whatever_the_words_are(word):
    """Masked words, masked bits, every number of every row, and the dealer's element, over fresh seeds."""
    bits, counts = np.array([7, 7], dtype=np.uint8), np.zeros((4, 8))
    shape, x = ProofShape.of(bits), np.full(2, word, dtype=np.uint64)
    for seed in range(1000, 1150):
        source = dataclasses.replace(SOURCE, seed=seed.to_bytes(32, "big"))
        d, sent = send(x, bits, source)
        _, question = examine(sent, d, shape, transcript(d, sent.e))
        his = answer(source, NUMBER, shape, pads=source.pads(NUMBER, 2), question=question)
        element = np.array(his.element, dtype=np.uint64)
        tops = (
            d >> np.uint64(55),
            sent.e >> np.uint64(5),
            sent.rows.reshape(-1) >> np.uint64(58),
            element >> np.uint64(58),
        )
        for row, each in enumerate(tops):
            counts[row] += np.bincount(each.astype(np.int64), minlength=8)
    expected = counts.sum(axis=1, keepdims=True) / 8
    # 7 degrees of freedom; one alarm in 1,000 for each of four, with these seeds none.
    assert (((counts - expected) ** 2 / expected).sum(axis=1) < 24.3).all()


def test_the_bytes_of_a_proof_never_change():
    """Made by this code; another party's must agree to the bit."""
    d, sent = send(WORDS, BITS)
    assert hashlib.sha256(d.tobytes() + sent.e.tobytes() + sent.rows.tobytes()).hexdigest() == DIGEST


DIGEST = "81c7f42d62382de8a7ea8325051e15d768525f1c5613e9101d26319c7ea752e4"
