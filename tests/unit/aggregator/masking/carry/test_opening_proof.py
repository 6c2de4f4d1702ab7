"""The proof that what was opened is the linear function of what was dealt."""

import numpy as np
import pytest

from aggregator.masking.carry import opening_proof
from aggregator.masking.carry.compiled_field import CompiledField, processor_multiplies
from aggregator.masking.carry.field_kernels import integers, lagrange, powers, product, vector
from aggregator.masking.carry.numpy_field import NumpyField
from aggregator.masking.carry.opening_proof import (
    FOLLOWS,
    OpeningShape,
    OpeningTranscript,
    dealer_part,
    prove,
    require,
    verifier_part,
)
from protocols.errors import ResultsDiffer, WireError
from protocols.masking.kernels.folding_kernels import ARITY, NODES, SENT

needs_product = pytest.mark.skipif(not processor_multiplies(), reason="the processor has no carry-less product")
KERNELS = {"numpy": NumpyField(), "compiled": CompiledField()}
KEY, HASH = bytes(range(32)), bytes(32)


class Proof:
    """A proof of one aggregator's openings.

    Attributes:
        rows: uint64[sent, 2].
    """

    def __init__(self, world, party):
        self.world, self.party, self.share = world, party, world.shares[party]
        self.rows = prove(world.lines, self.share.planes, self.share.masks, self.transcript())

    def transcript(self):
        return OpeningTranscript(KEY, HASH, self.party)

    def check(self, opened=None, rows=None, *, masks=None, planes=None):
        transcript, opened = self.transcript(), self.world.own[self.party] if opened is None else opened
        rows, count = self.rows if rows is None else rows, len(self.share.planes)
        mine = verifier_part(self.world.lines, opened, rows, planes=count, transcript=transcript)
        masks, planes = self.share.masks if masks is None else masks, self.share.planes if planes is None else planes
        require(mine, dealer_part(planes, masks, list(transcript.challenges)))
        return mine


@pytest.fixture(params=["numpy", pytest.param("compiled", marks=needs_product)])
def kernels(request, monkeypatch):
    """Prove with these kernels."""
    monkeypatch.setattr(opening_proof, "kernels_for", lambda n: KERNELS[request.param])
    return request.param


@pytest.mark.parametrize(("bits", "n"), [(1, 1), (5, 70), (20, 300)])
@pytest.mark.parametrize("party", [0, 1])
def test_honest_openings_pass(bits, n, party, kernels, opened):
    Proof(opened(bits, n), party).check()


def turned(words, place, bit=0):
    changed = words.copy()
    changed.reshape(-1)[place] ^= np.uint64(1 << bit)
    return changed


@pytest.mark.parametrize("party", [0, 1])
def test_any_opened_bit_that_is_turned_is_found(party, kernels, opened):
    proof = Proof(opened(20, 70), party)
    own = proof.world.own[party]
    for place in range(0, own.size, 3):
        with pytest.raises(ResultsDiffer, match="bits that were not dealt"):
            proof.check(turned(own, place, place % 64))


def test_any_element_of_a_proof_that_is_changed_is_found(kernels, opened):
    proof = Proof(opened(5, 70), 0)
    for place in (0, 1, 130, *range(252, proof.rows.size, 5), proof.rows.size - 1):
        with pytest.raises(ResultsDiffer):
            proof.check(rows=turned(proof.rows, place, place % 64))


def test_a_proof_of_what_was_turned_before_it_does_not_pass(kernels, opened):
    """A prover that computes all as if the turned bit were what was dealt."""
    world = opened(5, 70)
    world.own[0] = turned(world.own[0], 1)
    with pytest.raises(ResultsDiffer):
        Proof(world, 0).check()
    proof = Proof(opened(5, 70), 0)
    with pytest.raises(ResultsDiffer):
        proof.check(masks=turned(proof.share.masks, -1))  # what masks the dealer's vector enters the proof
    for place in range(1, len(proof.share.planes)):
        used = (proof.world.lines.coefficients[proof.world.lines.places == place] & np.uint64(1)).any()
        if used:
            with pytest.raises(ResultsDiffer):
                proof.check(planes=turned(proof.share.planes, place * proof.share.planes.shape[1]))


def inverse(element):
    out = 1
    for _ in range(127):  # to the power of 2**128 - 2
        element = product(element, element)
        out = product(out, element)
    return out


def forge(proof, challenges, fold):
    """Return rows of which one makes up for a turned first bit, if these are where all rows are asked."""
    (weight,), moved = integers(proof.transcript().weights(1, KERNELS["numpy"])), proof.rows.copy()
    rows, place = OpeningShape(proof.share.planes.size).rows(moved), 0
    error, mends = (
        product(weight, powers(challenges[0], 64)[63]),
        1,
    )  # of the first claim, and by its lowest coefficient
    for r in challenges[1 : fold + 1]:
        at = lagrange(r, NODES)
        place, mends = SENT.index(ARITY), at[ARITY]
        error = product(error, at[FOLLOWS])  # the node that is not sent takes the claim of before
    rows[fold][place] ^= vector([product(error, inverse(mends))])[0]
    return moved


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_rows_that_are_made_for_challenges_foreseen_do_not_pass(fold, opened, monkeypatch):
    """Challenges depend on all rows sent before, or whoever knows them beforehand proves whatever it has opened."""
    proof = Proof(opened(5, 70), 0)
    proof.check()
    own, transcript = turned(proof.world.own[0], 0), proof.transcript()
    foreseen = [transcript.challenge(row) for row in OpeningShape(proof.share.planes.size).rows(proof.rows)]
    rows = forge(proof, foreseen, fold)
    with pytest.raises(ResultsDiffer):
        proof.check(own, rows)

    def foresee(transcript, row):
        transcript.challenges = (*transcript.challenges, foreseen[len(transcript.challenges)])
        return transcript.challenges[-1]

    monkeypatch.setattr(OpeningTranscript, "challenge", foresee)
    proof.check(own, rows)


def test_a_proof_is_of_one_aggregator_key_and_opening(kernels, opened):
    proof = Proof(opened(5, 70), 0)
    for key, opened_, party in ((bytes(32), HASH, 0), (KEY, KEY, 0), (KEY, HASH, 1)):
        proof.transcript = lambda key=key, opened_=opened_, party=party: OpeningTranscript(key, opened_, party)
        with pytest.raises(ResultsDiffer):
            proof.check()


def test_all_kernels_prove_with_the_same_bytes(monkeypatch, opened):
    rows, parts = [], []
    for each in KERNELS.values() if processor_multiplies() else [KERNELS["numpy"]]:
        monkeypatch.setattr(opening_proof, "kernels_for", lambda n, each=each: each)
        proof = Proof(opened(20, 300), 1)
        rows.append(proof.rows.tobytes())
        parts.append(proof.check())
    assert len(set(rows)) == 1
    assert len(set(parts)) == 1


def test_rows_are_masked_and_so_is_what_the_dealer_tells(opened):
    """The same proof under other masks has other rows, all of them: none is told as it is."""
    proof = Proof(opened(5, 70), 0)
    bare = prove(proof.world.lines, proof.share.planes, np.zeros_like(proof.share.masks), proof.transcript())
    first = 126
    assert ((proof.rows ^ proof.share.masks[:-1])[:first] == bare[:first]).all()
    assert (proof.rows != bare).any(axis=1).all()
    transcript = proof.transcript()
    challenges = [transcript.challenge(row) for row in OpeningShape(proof.share.planes.size).rows(proof.rows)]
    element = dealer_part(proof.share.planes, proof.share.masks, challenges).element
    assert element != dealer_part(proof.share.planes, turned(proof.share.masks, -1), challenges).element


def test_what_no_prover_sends_is_refused(opened):
    proof = Proof(opened(5, 70), 0)
    with pytest.raises(WireError, match="words of a proof of openings"):
        proof.check(rows=proof.rows[:-1])
    shape = OpeningShape(proof.share.planes.size)
    challenges = tuple(bytes(15) + b"\x80" for _ in range(shape.folds))
    assert shape.require_challenges(challenges)
    for wrong in (challenges[1:], (bytes(16), *challenges[1:])):
        with pytest.raises(WireError, match="challenges for"):
            shape.require_challenges(wrong)
