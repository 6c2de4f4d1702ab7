"""Circuits of planes give the numbers of numpy, for drawn operands of drawn intervals."""

import random

import numpy as np
import pytest

from lpm_secure.engine.bitslice.words.integers import Integers, Slices, constant, width_of
from lpm_secure.engine.bitslice.words.logic import Logic
from protocols.models.graph.operations import OPERATIONS

LANES = 64
LIMITS = (0, 3, 100, 2_000)


class Booleans(Logic):
    """Words are arrays of booleans."""

    def conjunction(self, a, b):
        return a & b

    def disjunction(self, a, b):
        return a | b

    def difference(self, a, b):
        return a ^ b

    def complement(self, a):
        return ~a


def slices_of(values, interval):
    low, high = interval
    if low == high:
        return constant(low)
    return Slices(tuple((values >> place & 1).astype(bool) for place in range(width_of(interval))), low < 0)


def numbers_of(slices):
    total = np.zeros(LANES, dtype=np.int64)
    for place, plane in enumerate(slices.planes):
        sign = -1 if slices.signed and place == len(slices.planes) - 1 else 1
        total += np.where(plane, sign << place, 0)
    return total


def drawn_interval(draws, op, place):
    if op in ("divide", "modulo") and place:
        return draws.choice([(1, 1), (1, 7), (1, 500), (16, 16)])
    if op in ("left", "right") and place:
        return draws.choice([(0, 1), (0, 5), (2, 2)])
    low, high = sorted(draws.randint(-draws.choice(LIMITS), draws.choice(LIMITS)) for _ in range(2))
    return (low, high) if draws.random() < 0.85 else (low, low)


@pytest.mark.parametrize("op", OPERATIONS)
def test_an_operation_gives_the_numbers_of_numpy(op):
    draws, generator, operation = random.Random(op), np.random.default_rng(1), OPERATIONS[op]
    integers = Integers(Booleans())
    for _ in range(100):
        kinds = operation.operands
        intervals = [(0, 1) if kind == "boolean" else drawn_interval(draws, op, at) for at, kind in enumerate(kinds)]
        values = [generator.integers(low, high + 1, LANES) for low, high in intervals]
        typed = [each.astype(bool) if kind == "boolean" else each for each, kind in zip(values, kinds, strict=True)]
        expected = np.broadcast_to(np.asarray(operation.value(*typed)).astype(np.int64), LANES)
        operands = [slices_of(each, interval) for each, interval in zip(values, intervals, strict=True)]
        assert (numbers_of(integers.compute(op, operands, operation.interval(*intervals))) == expected).all()


def test_a_table_is_read_at_each_lanes_own_place():
    table, index = [3, -9, 40, 0, 7, 7, 99, 1, 2, 5, -1], np.random.default_rng(2).integers(0, 11, LANES)
    found = Integers(Booleans()).lookup(table, slices_of(index, (0, 10)), (-9, 99))
    assert (numbers_of(found) == np.array(table)[index]).all()
