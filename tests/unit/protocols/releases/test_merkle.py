"""A root is of all leaves in their places, and a path shows some of them."""

import hashlib
import random

import pytest

from protocols.errors import ParameterError
from protocols.releases import merkle

COUNTS = [*range(1, 18), 31, 33, 100]


def leaves(count):
    return [merkle.leaf(bytes([place])) for place in range(count)]


def defined(row):
    """RFC 6962, section 2.1: split at the largest power of two below the number of leaves."""
    if len(row) == 1:
        return row[0]
    half = 1 << (len(row) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + defined(row[:half]) + defined(row[half:])).digest()


@pytest.mark.parametrize("count", COUNTS)
def test_the_root_is_the_definitions_from_all_leaves_and_from_some_with_their_path(count):
    row, draw = leaves(count), random.Random(count)
    assert merkle.root(count, dict(enumerate(row))) == defined(row)
    assert merkle.path(row, range(count)) == ()
    for _ in range(20):
        places = draw.sample(range(count), draw.randint(1, count))
        path = merkle.path(row, places)
        assert merkle.root(count, {place: row[place] for place in places}, path) == defined(row)
        if len(places) == 1:
            assert len(path) <= (count - 1).bit_length()


def test_a_leaf_is_no_node_so_that_a_row_above_is_not_another_trees_leaves():
    assert merkle.leaf(b"") == hashlib.sha256(b"\x00").digest()  # the RFC's empty leaf
    one, other = leaves(2)
    assert merkle.leaf(one + other) != merkle.root(2, {0: one, 1: other})


@pytest.mark.parametrize("count", COUNTS[1:])
def test_another_leaf_place_or_hash_of_the_path_makes_another_root(count):
    row = leaves(count)
    place = count // 3
    path = merkle.path(row, [place])
    right = merkle.root(count, {place: row[place]}, path)
    assert merkle.root(count, {place: bytes(32)}, path) != right
    for index in range(len(path)):
        assert merkle.root(count, {place: row[place]}, (*path[:index], bytes(32), *path[index + 1 :])) != right
    if place ^ 1 < count:
        assert merkle.root(count, {place ^ 1: row[place]}, path) != right


def test_paths_and_places_that_fit_no_tree_are_refused():
    row = leaves(5)
    path = merkle.path(row, [2])
    for known, given in [({}, path), ({5: row[2]}, path), ({-1: row[2]}, path)]:
        with pytest.raises(ParameterError, match="of a tree of 5 leaves"):
            merkle.root(5, known, given)
    with pytest.raises(ParameterError, match="too few"):
        merkle.root(5, {2: row[2]}, path[:-1])
    with pytest.raises(ParameterError, match="more hashes"):
        merkle.root(5, {2: row[2]}, (*path, bytes(32)))
