"""What two clients tell each other, and what one that lies learns of the other."""

import pytest

from client_sdk.comparison.blinding import blind, point
from client_sdk.comparison.pair import LEAST, Pair
from protocols.errors import NotSealed


def pair(items, *, name="client-0", other="client-1", secret=bytes(32)):
    return Pair(bytes(32), name, other, items=items, secret=secret)


def test_a_client_that_lies_learns_nothing_of_a_contact_that_it_does_not_list_itself():
    """It knows whom there is and what a contact looks like; of sums of keyed hashes it would try all contacts."""
    secret_contact, candidates = b"contact 77", [b"contact %d" % number for number in range(100)]
    honest, liar = pair([secret_contact]), pair([b"else"], name="client-1", other="client-0", secret=bytes([1]) * 32)
    seen = {honest.contacts()[start : start + 32] for start in range(0, 32 * LEAST, 32)}
    answer = honest.answer(liar.contacts())
    seen |= {answer[start : start + 32] for start in range(0, len(answer), 32)}
    known = [point(each) for each in candidates]
    assert not seen & {*known, *blind(liar._factor, known)}
    assert len(set(seen)) == 2 * LEAST
    # the same length with one contact more, and other points with another secret: no dictionary serves twice
    assert len(pair([secret_contact, b"contact 78"]).contacts()) == len(honest.contacts())
    assert not seen & {
        pair([secret_contact], secret=bytes([2]) * 32).contacts()[start : start + 32] for start in (0, 32)
    }


def test_a_point_of_small_order_or_no_list_is_refused():
    honest = pair([b"contact"])
    for point_of_small_order in (bytes(32), (1).to_bytes(32, "little")):
        with pytest.raises(NotSealed, match="small order"):
            honest.answer(point_of_small_order * LEAST)
    with pytest.raises(NotSealed, match="whole points"):
        honest.answer(bytes(33))
    honest.answer(pair([b"contact"], name="client-1", other="client-0").contacts())
    with pytest.raises(NotSealed, match="another length"):
        honest.missing(bytes([9]) * 32)
