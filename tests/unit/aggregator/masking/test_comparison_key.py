"""Keys of a comparison, against the comparison."""

import hashlib

import numpy as np
import pytest

from aggregator.masking.comparison_key import NodeHash, deal
from protocols.arithmetic.counters import Stream
from protocols.arithmetic.sharing.additive import keystream

HASH = NodeHash(bytes(range(32)))


def drawer(seed=0):
    streams = iter(range(1000))

    def draw(count):
        words = np.zeros(count, dtype=np.uint64)
        keystream(seed.to_bytes(32, "big"), nonce=Stream(next(streams)), out=words)
        return words

    return draw


@pytest.mark.parametrize("bits", [1, 2, 6])
def test_every_number_is_compared_with_every_other(bits):
    alpha, x = (each.reshape(-1).astype(np.uint64) for each in np.meshgrid(range(2**bits), range(2**bits)))
    beta = drawer(1)(alpha.size)
    keys = deal(alpha, beta, bits=bits, node_hash=HASH, draw=drawer(2))
    shares = [key.evaluate(HASH, x) for key in keys]
    np.testing.assert_array_equal(shares[0] ^ shares[1], np.where(x < alpha, beta, 0))
    assert (shares[0] != 0).all()


def test_numbers_of_57_bits_are_compared_at_their_edges():
    """The last word matters only where x is alpha or alpha - 1."""
    alpha = np.array([0, 1, 2**57 - 1, 5, 5, 5, 2**56], dtype=np.uint64)
    x = np.array([0, 0, 2**57 - 1, 4, 5, 6, 2**56 - 1], dtype=np.uint64)
    beta = drawer(1)(7)
    keys = deal(alpha, beta, bits=57, node_hash=HASH, draw=drawer(2))
    shares = [key.evaluate(HASH, x) for key in keys]
    np.testing.assert_array_equal(shares[0] ^ shares[1], np.where(x < alpha, beta, 0))


def test_one_key_alone_looks_the_same_for_every_number():
    """A party's words are uniform whatever alpha is: mean bits of shares, nodes and payloads are near to one half."""
    for alpha in (0, 2**20 - 1):
        n = 4000
        first, _ = deal(np.full(n, alpha, np.uint64), np.full(n, 9, np.uint64), bits=20, node_hash=HASH, draw=drawer(3))
        common = first.corrections
        for words in (common.nodes[..., 0] >> 2, common.nodes[..., 1], common.payloads, common.last):
            ones = np.bitwise_count(words.astype(np.uint64)).mean() / (62 if words is common.nodes[..., 0] else 64)
            assert 0.45 < ones < 0.55


def test_nobody_is_compared_where_there_is_no_agent():
    nobody = np.zeros(0, dtype=np.uint64)
    keys = deal(nobody, nobody, bits=57, node_hash=HASH, draw=drawer())
    assert keys[0].evaluate(HASH, nobody).size == 0


def test_the_words_of_a_key_never_change():
    """Made by this code; another party's must agree to the bit."""
    alpha, beta = np.array([3, 2**56], dtype=np.uint64), np.array([5, 7], dtype=np.uint64)
    first, second = deal(alpha, beta, bits=57, node_hash=HASH, draw=drawer())
    common = first.corrections
    content = b"".join(part.tobytes() for part in (common.nodes, common.payloads, common.last, second.root))
    assert hashlib.sha256(content).hexdigest() == DIGEST


DIGEST = "fced4bacb1e77fd82bbabb2591e6ecc2501e8e1c431c7ae670264bfeb6caf442"
