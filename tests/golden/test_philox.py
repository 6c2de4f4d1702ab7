"""Philox4x64-10 against published vectors, and against numpy's, written by others in C."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.arithmetic.philox import DrawPurpose, philox, words

WORD = st.integers(0, 2**64 - 1)
PI = "243f6a8885a308d3 13198a2e03707344 a4093822299f31d0 082efa98ec4e6c89 452821e638d01377 be5466cf34e90c6c"

# Source: Random123 (Salmon et al., SC 2011), tests/kat_vectors, the lines "philox4x64 10": counter, key, result.
KNOWN = [
    (
        "0000000000000000 " * 6,
        "16554d9eca36314c db20fe9d672d0fdc d7e772cee186176b 7e68b68aec7ba23b",
    ),
    (
        "ffffffffffffffff " * 6,
        "87b092c3013fe90b 438c3c67be8d0224 9cc7d7c69cd777b6 a09caebf594f0ba0",
    ),
    (
        PI,
        "a528f45403e61d95 38c72dbd566e9788 a5a1610e72fd18b5 57bd43b5e52b7fe6",
    ),
]


def block(counter, key):
    return [int(word[0]) for word in philox(key, tuple(np.array([word], dtype=np.uint64) for word in counter))]


def parsed(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("given_words", "expected"), KNOWN, ids=["zeros", "ones", "pi"])
def test_the_published_vectors_come_out(given_words, expected):
    counter_and_key = parsed(given_words)
    assert block(counter_and_key[:4], tuple(counter_and_key[4:])) == parsed(expected)


@given(st.lists(WORD, min_size=4, max_size=4), st.tuples(WORD, WORD))
def test_numpys_generator_gives_the_same_blocks(counter, key):
    """numpy counts up before each block, over 256 bits, so it starts one below."""
    number = sum(word << 64 * index for index, word in enumerate(counter))
    before = (number - 1) % 2**256
    words_before = np.array([before >> 64 * index & (2**64 - 1) for index in range(4)], dtype=np.uint64)
    theirs = np.random.Philox(counter=words_before, key=np.array(key, dtype=np.uint64))
    assert theirs.random_raw(4).tolist() == block(counter, key)


@given(
    st.lists(WORD, min_size=1, max_size=5), st.tuples(WORD, WORD), st.sampled_from(DrawPurpose), st.integers(0, 2**32)
)
def test_an_agents_word_is_the_first_of_its_block(agents, key, purpose, step):
    drawn = words(key, np.array(agents, dtype=np.uint64), purpose, step=step)
    assert drawn.tolist() == [block((agent, purpose, step, 0), key)[0] for agent in agents]


def test_a_purpose_keeps_its_number():
    """What a run draws depends on them."""
    names = ["THRESHOLD", "LATENT", "INFECTIOUS", "INITIAL", "CELL", "WANING", "SEED", "DOSE"]
    assert {purpose.name: purpose.value for purpose in DrawPurpose} == dict(zip(names, range(1, 9), strict=True))
