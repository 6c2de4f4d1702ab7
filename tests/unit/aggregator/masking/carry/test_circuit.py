"""A tree of gates tells which numbers are below others, by openings that say nothing."""

import numpy as np
import pytest

from aggregator.masking.carry.circuit import carry_circuit, from_plane, plane_words, to_planes


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 15, 16, 17, 20, 49, 57])
def test_a_masked_bit_is_the_sign_of_a_difference(bits, opened):
    n = 130
    world = opened(bits, n)
    difference = world.z - world.r & np.uint64(2 ** (bits + 1) - 1)
    expected = difference >> np.uint64(bits)
    assert (from_plane(world.plane, n) ^ world.masks).tolist() == expected.tolist()


@pytest.mark.parametrize(("bits", "opened_planes", "planes"), [(4, (1,), 17), (16, (6, 1), 91), (49, (20, 6, 1), 299)])
def test_a_circuit_opens_and_takes_so_many_planes(bits, opened_planes, planes):
    circuit = carry_circuit(bits)
    assert (circuit.opened, circuit.planes) == (opened_planes, planes)


def test_each_opened_plane_has_a_mask_of_its_own_that_no_plane_before_it_has(opened):
    """So whatever the other opens, all that one opens is uniform: a mask of its share serves first in one place."""
    world, seen = opened(49, 64), set()
    for line in range(len(world.lines.starts) - 1):
        terms = world.lines.terms(line)
        pairs = zip(world.lines.places[terms].tolist(), world.lines.coefficients[terms], strict=True)
        places = {place for place, plane in pairs if (plane == 2**64 - 1).all()}
        fresh = places - seen - {0}
        assert fresh, line
        seen |= set(world.lines.places[terms].tolist())


def test_each_plane_that_both_open_is_uniform_where_all_numbers_are_equal(opened):
    """There every bit passes a carry on and none makes one, so what is opened is its mask alone."""
    world, n = opened(49, 6_400), 6_400
    for line, plane in enumerate(world.own[0] ^ world.own[1]):
        equal = from_plane(plane, n)[::3]
        assert abs(equal.mean() - 0.5) < 5 * 0.5 / equal.size**0.5, line


def test_planes_are_bits_of_numbers():
    x = np.random.default_rng(1).integers(0, 2**58, 70, dtype=np.uint64)
    planes = to_planes(x, 58)
    assert planes.shape == (58, plane_words(70))
    assert sum(from_plane(plane, 70).astype(object) << bit for bit, plane in enumerate(planes)).tolist() == x.tolist()
