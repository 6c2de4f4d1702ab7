"""Merkle trees of hashes: one root commits to many, and a path shows some of them without the others.

Source:
    Laurie, Langley, Kasper 2013 (RFC 6962, section 2.1): leaves and nodes are hashed apart, and the last node of a row
    of odd length is its own parent.
"""

import hashlib
from collections.abc import Mapping, Sequence

from protocols.errors import ParameterError


def leaf(content: bytes) -> bytes:
    """Return the hash of what stands in one place."""
    return hashlib.sha256(b"\x00" + content).digest()


def path(leaves: Sequence[bytes], places: Sequence[int]) -> tuple[bytes, ...]:
    """Return the hashes, from the leaves up, that make the root of those in some places; none where all are."""
    missing: list[bytes] = []
    row, known = list(leaves), set(places)
    while len(row) > 1:
        beside = [place ^ 1 for place in sorted(known)]
        missing += [row[place] for place in beside if place not in known and place < len(row)]
        row, known = _above(row), {place // 2 for place in known}
    return tuple(missing)


def root(count: int, known: Mapping[int, bytes], path: Sequence[bytes] = ()) -> bytes:
    """Return the root of a tree.

    Args:
        count: of its leaves.
        known: leaves by their places, at least one.
        path: what `path` returned for these places.

    Raises:
        ParameterError: a place is none of the tree, or the path has too few or too many hashes.
    """
    rest, row = iter(path), dict(sorted(known.items()))
    if not row or min(row) < 0 or max(row) >= count:
        raise ParameterError(f"got places {[*row][:3]} of a tree of {count} leaves; they count from 0")
    try:
        while count > 1:
            for place in [*row]:
                if (beside := place ^ 1) not in row and beside < count:
                    row[beside] = next(rest)
            count, row = (count + 1) // 2, _parents(row)
    except StopIteration:
        raise ParameterError("the path has too few hashes for its places") from None
    if next(rest, None) is not None:
        raise ParameterError("the path has more hashes than its places need")
    return row[0]


def _above(row: Sequence[bytes]) -> list[bytes]:
    return [*_parents(dict(enumerate(row))).values()]


def _parents(row: Mapping[int, bytes]) -> dict[int, bytes]:
    """Return the parents, by their places, of nodes of which each stands beside its sibling, if it has one."""
    places = dict.fromkeys(place // 2 for place in sorted(row))
    return {
        place: hashlib.sha256(b"\x01" + row[2 * place] + row[2 * place + 1]).digest()
        if 2 * place + 1 in row
        else row[2 * place]
        for place in places
    }
