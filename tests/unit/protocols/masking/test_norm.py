"""A client's proof of its vector's norm: all within the bound pass, one unit more does not where no bit is dropped."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.extension_field import P
from protocols.errors import ParameterError, WireError
from protocols.masking import folding, range_proof
from protocols.masking.folding import ProofShape
from protocols.masking.norm import NormBound
from protocols.masking.pads import PadPurpose, PadSource
from protocols.masking.range_proof import MaskedBits
from protocols.masking.transcript import Transcript
from protocols.masking.words import residue
from tests.unit.protocols.masking.test_range_proof import answer, examine

NUMBER, SOURCE = RoundNumber(3), PadSource(bytes(range(32)), bytes(32), "north", 1)
SMALL = NormBound.of(3, 100**2)
LONG = NormBound.of(5, 2**80)  # drops bits


def shape_of(bound):
    return ProofShape.of(np.zeros(0, np.uint8), bound)


def offset(x, bound):
    return residue((np.array(x, dtype=np.int64) + 2 ** (bound.bits - 1)).view(np.uint64))


def send(x, bound, *, numbers=None, pads_of=SOURCE):
    """Return what a client sends of a vector, honest or not."""
    shape, pads, y = shape_of(bound), pads_of.pads(NUMBER, bound.entries), offset(x, bound)
    d = residue(y + pads)
    masks, e, told = range_proof.mask(pads_of, NUMBER, shape, x=y, d=d, pads=pads)
    if numbers is not None:
        told = (range_proof.number_pads(pads_of, NUMBER, shape) + numbers) % np.uint64(P)
    begun = transcript(d, e, told)
    rows = range_proof.prove(pads_of, NUMBER, shape, transcript=begun, masks=masks, e=e, told=told)
    return d, MaskedBits(e, rows, told)


def transcript(d, e, told):
    return Transcript(b"run north", bytes(32), b"".join(each.tobytes() for each in (d, told, e)))


def accepts(sent, bound):
    (d, bits), shape = sent, shape_of(bound)
    mine, question = examine(bits, d, shape, transcript(d, bits.e, bits.numbers))
    pads = SOURCE.pads(NUMBER, bound.entries)
    his = answer(SOURCE, NUMBER, shape, pads=pads, question=question)
    return range_proof.holds(mine, his)


@pytest.mark.parametrize("x", [(0, 0, 0), (100, 0, 0), (0, -100, 0), (57, 57, 57), (-60, 80, 0), (36, 48, -80)])
def test_a_vector_within_the_bound_is_accepted(x):
    assert accepts(send(x, SMALL), SMALL)


@pytest.mark.parametrize("x", [(101, 0, 0), (-101, 0, 0), (60, 80, 1), (58, 58, 58), (127, 127, 127), (-128, 0, 0)])
def test_a_vector_beyond_the_bound_is_not_though_each_entry_is_in_its_range(x):
    assert SMALL.dropped == 0
    assert not accepts(send(x, SMALL), SMALL)


@pytest.mark.parametrize("x", [(128, 0, 0), (0, -129, 0), (0, 0, 2**57), (256, 0, 0)])
def test_an_entry_beyond_its_range_is_not_accepted(x):
    assert not accepts(send(x, SMALL), SMALL)


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 2**50), st.integers(0, 2**32))
def test_all_vectors_within_a_bound_pass_and_none_beyond_the_largest_norm(entries, limit, seed):
    bound = NormBound.of(entries, limit**2)
    assert limit <= bound.largest <= limit * (1 + 2**-10) + 1
    random = np.random.default_rng(seed)
    direction = random.normal(size=entries)
    unit = direction / np.linalg.norm(direction)
    within = np.trunc(unit * limit * (1 - 1e-12)).astype(np.int64)
    assert sum(int(v) ** 2 for v in within) <= limit**2
    assert accepts(send(within, bound), bound)
    edge = np.zeros(entries, dtype=np.int64)
    edge[random.integers(entries)] = random.choice([-1, 1]) * limit
    assert accepts(send(edge, bound), bound)
    beyond = np.trunc(unit * bound.largest * (1 + 1e-9)).astype(np.int64)
    beyond += np.sign(beyond) + (beyond == 0)
    assert math.isqrt(sum(int(v) ** 2 for v in beyond)) >= math.floor(bound.largest)
    assert not accepts(send(beyond, bound), bound)


def test_numbers_that_are_not_those_of_the_bits_are_refused():
    """A client that tells smaller leading bits, or more slack, than its entries have."""
    for bound, x in ((SMALL, (127, 100, 0)), (LONG, (2**40, 2**40, 0, 0, 0))):
        y = offset(x, bound)
        for place in range(bound.count):
            numbers = bound.numbers(y)
            numbers[place] = (int(numbers[place]) + 1) % P
            assert not accepts(send(x, bound, numbers=numbers), bound)
        honest = bound.numbers(offset([0] * bound.entries, bound))
        assert not accepts(send(x, bound, numbers=honest), bound)


def test_numbers_of_two_rounds_clients_or_counters_have_no_mask_in_common():
    shape = shape_of(SMALL)
    other = (dataclasses.replace(SOURCE, client="south"), dataclasses.replace(SOURCE, counter=2))
    masks = [range_proof.number_pads(SOURCE, number, shape) for number in (1, 3, 5)]
    masks += [range_proof.number_pads(each, 3, shape) for each in other]
    masks.append(SOURCE.stream(PadPurpose.PROOF, 3, shape.numbers) >> np.uint64(3))
    masks.append(SOURCE.stream(PadPurpose.WORDS, 3, shape.numbers) >> np.uint64(3))
    assert len({int(word) for each in masks for word in each}) == 7 * SMALL.count


def test_the_dealers_mask_stands_behind_the_products_where_the_aggregators_have_nothing():
    shape, r = shape_of(SMALL), (12345, 678)
    bits, rho = np.ones(shape.terms, np.uint64), np.ones((shape.terms, 2), np.uint64)
    factors, place = np.full((shape.products, 2), 9, np.uint64), shape.terms * shape.groups
    behind = [factors, np.concatenate([factors, np.array([[3, 4]], np.uint64)])]
    left, right = folding.first_fold([shape] * 2, [r] * 2, [bits, bits], [rho], behind)
    for vector in (left, right):
        assert (vector[place : place + shape.products] == 9).all()
    assert right[place + shape.products].tolist() == [3, 4]
    assert not left[place + shape.products :].any()


def test_slack_cannot_be_below_zero():
    """Its halves have no wrap bit: with one the slack of a long vector would be 2**58 less."""
    masks = shape_of(SMALL).masks
    assert masks[: SMALL.entries].tolist() == [2**8 - 1 + 2**8] * 3
    assert masks[SMALL.entries :].tolist() == [2**SMALL.half - 1] * 2
    d, bits = send((0, 0, 0), SMALL)
    e = bits.e.copy()
    e[-1] |= np.uint64(1 << 8)
    with pytest.raises(WireError, match="outside of its word's range"):
        accepts((d, dataclasses.replace(bits, e=e)), SMALL)


def test_each_number_and_each_row_counts():
    d, bits = send((3, 4, 5), SMALL)
    for field in ("numbers", "rows"):
        for place in range(getattr(bits, field).size):
            changed = getattr(bits, field).copy()
            changed.reshape(-1)[place] = (int(changed.reshape(-1)[place]) + 1) % P
            assert not accepts((d, dataclasses.replace(bits, **{field: changed})), SMALL), (field, place)


@pytest.mark.parametrize("change", [lambda x: x[:-1], lambda x: np.append(x, x[:1]), lambda x: x | np.uint64(2**63)])
def test_numbers_that_are_not_canonical_are_refused(change):
    d, bits = send((3, 4, 5), SMALL)
    with pytest.raises(WireError):
        accepts((d, dataclasses.replace(bits, numbers=change(bits.numbers))), SMALL)


def test_what_is_proved_of_a_long_vector_is_close_to_its_bound():
    for entries, ratio in ((1_000, 2**-17), (100_000, 2**-10)):
        bound = NormBound.of(entries, (2000 << 24) ** 2)
        assert 2000 << 24 < bound.largest < (2000 << 24) * (1 + ratio)


def test_so_many_entries_that_no_norm_can_be_proved_are_refused():
    with pytest.raises(ParameterError, match="take fewer"):
        NormBound.of(2**61, 2**20)
