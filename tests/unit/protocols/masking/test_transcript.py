"""The challenges of a proof, and what of them the dealer is told."""

import hashlib

import numpy as np

from protocols.arithmetic.extension_field import P
from protocols.masking.transcript import Transcript

D, E = np.array([1, 2], dtype=np.uint64), np.array([3, 4], dtype=np.uint64)
ROW = np.arange(12, dtype=np.uint64).reshape(6, 2)


def said(d=D, e=E):
    return b"".join(hashlib.sha256(each.tobytes()).digest() for each in (d, e))


def begin(context=b"run", nonce=bytes(32), d=D, e=E):
    transcript = Transcript(context, nonce, said(d, e))
    transcript.challenge(ROW)
    return transcript.question()


def test_everything_that_was_sent_enters_every_challenge():
    plain = begin()
    others = [begin(b"other"), begin(nonce=b"\1" * 32), begin(d=E), begin(e=D)]
    assert all(other.rho != plain.rho and other.challenges != plain.challenges for other in others)
    further = Transcript(b"run", bytes(32), said())
    further.challenge(ROW + np.uint64(1))
    assert further.question().rho == plain.rho
    assert further.question().challenges != plain.challenges


def test_challenges_are_outside_of_the_nodes():
    transcript = Transcript(b"run", bytes(32), said())
    assert all(7 <= r[0] < P and r[1] < P for r in (transcript.challenge(ROW) for _ in range(50)))


def test_the_dealer_is_not_told_the_state_of_the_hash():
    """With the state after the words it would compute the first row for each candidate, and compare the challenge."""
    words = hashlib.sha256(said()).digest()
    state = hashlib.sha256(b"lpm range proof" + bytes(32) + hashlib.sha256(b"run").digest() + words).digest()
    question = begin()
    assert state != question.rho
    for start in (question.rho, hashlib.sha256(question.rho).digest()):
        wide = hashlib.sha512(b"lpm range r" + hashlib.sha256(start + ROW.tobytes()).digest()).digest()
        assert int.from_bytes(wide[:32], "big") % (P - 7) + 7 != question.challenges[0][0]


def test_coefficients_are_elements_and_depend_on_the_key():
    question = begin()
    rho = question.coefficients(1000)
    assert rho.shape == (1000, 2)
    assert int(rho.max()) < P
    assert not np.array_equal(rho, begin(b"other").coefficients(1000))
