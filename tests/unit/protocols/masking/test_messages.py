"""Messages of the masked backend: sizes and ranges are refused where no encoder makes them."""

import msgspec
import numpy as np
import pytest

from protocols.arithmetic.extension_field import P
from protocols.errors import WireError
from protocols.identity.attachment import PartHashes
from protocols.masking.folding import ProofShape
from protocols.masking.messages import ClientAnswer, ClientQuestion, WordsNotice, from_bytes, to_bytes

SHAPE = ProofShape.of(np.array([5, 5], dtype=np.uint8))


def notice(**changes):
    given = {"d": to_bytes(np.array([1, 2], np.uint64)), "e": bytes(2), "rows": bytes(16 * SHAPE.sent)}
    return WordsNotice(run=bytes(32), number=1, client="a", counter=1, **given | changes)


def test_words_travel_in_eight_bytes_each():
    words = np.array([0, 1, 2**64 - 1], dtype=np.uint64)
    assert from_bytes(to_bytes(words)).tolist() == words.tolist()
    with pytest.raises(WireError):
        from_bytes(b"seven..")


def test_a_message_has_as_many_rows_and_words_as_the_shape_demands():
    assert notice().words(2).tolist() == [1, 2]
    assert notice().bits(SHAPE).rows.shape == (SHAPE.sent, 2)
    for wrong in (notice(rows=bytes(16 * SHAPE.sent - 96)), notice(rows=b"")):
        with pytest.raises(WireError, match="rows"):
            wrong.bits(SHAPE)
    with pytest.raises(WireError):
        notice().words(3)
    with pytest.raises(WireError, match="canonical"):
        notice(d=to_bytes(np.array([2**58, 0], np.uint64))).words(2)


def test_the_name_of_a_message_holds_no_words():
    assert notice().context == notice(d=bytes(16), rows=b"").context
    assert notice().context != msgspec.structs.replace(notice(), counter=2).context
    assert notice().context != msgspec.structs.replace(notice(), number=2).context


def test_all_that_a_proof_is_about_enters_the_hashes_that_its_challenges_begin_from():
    words = {name: bytes([place] * 8) for place, name in enumerate(("d", "e", "numbers"))}
    plain = notice(**words).hashes(PartHashes())
    for name in words:
        assert notice(**words | {name: bytes([9] * 8)}).hashes(PartHashes()) != plain
    assert notice(**words | {"rows": b""}).hashes(PartHashes()) == plain


@pytest.mark.parametrize("pair", [(P, 0), (0, P), (-1, 0)])
def test_an_element_is_of_numbers_below_p(pair):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(["a", pair, (0, 0)], ClientAnswer)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(["a", 1, bytes(32), [pair]], ClientQuestion)


def test_a_message_does_not_print_what_is_in_it():
    assert repr(notice()) == "WordsNotice(1)"
    assert repr(ClientAnswer("a", (1, 2), (3, 4))) == "ClientAnswer(a)"
