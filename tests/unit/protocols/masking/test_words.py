"""Words modulo 2**58."""

import numpy as np
import pytest

from protocols.errors import WireError
from protocols.masking.words import LIMIT, MASK, count_bytes, pack, require_canonical, residue, to_integers, top, unpack


def test_a_word_stands_for_the_integer_nearest_to_zero():
    x = np.array([0, 1, -1, LIMIT - 1, -LIMIT], dtype=np.int64)
    words = residue(x.view(np.uint64))
    assert int(words.max()) <= int(MASK)
    np.testing.assert_array_equal(to_integers(words), x)
    assert top(words).tolist() == [0, 0, 1, 0, 1]


def test_a_word_that_is_not_reduced_is_refused():
    require_canonical(np.array([MASK]), int(MASK) + 1, 1, "words")
    with pytest.raises(WireError, match="canonical range"):
        require_canonical(np.array([int(MASK) + 1], dtype=np.uint64), int(MASK) + 1, 1, "words")


def test_another_number_of_words_is_refused():
    with pytest.raises(WireError, match="demands 3"):
        require_canonical(np.zeros(2, dtype=np.uint64), 5, 3, "words")


@pytest.mark.parametrize("bits", range(1, 59))
def test_words_of_few_bits_travel_in_the_bytes_that_hold_them(bits):
    x = np.array([0, 1, 2**bits - 1, 2**bits // 3], dtype=np.uint64)
    content = pack(x, bits)
    assert len(content) == count_bytes(bits, 4) == 4 * -(-bits // 8)
    np.testing.assert_array_equal(unpack(content, bits, 4), x)
    for wrong in (content[:-1], content + b"0", b""):
        with pytest.raises(WireError, match="4 words"):
            unpack(wrong, bits, 4)
