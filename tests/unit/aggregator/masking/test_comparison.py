"""The comparison of masked numbers: right bits at the edges, and lies that no client takes for a bit."""

import os

import numpy as np
import pytest

from aggregator.masking.comparison import ComparisonShare, deal_comparison, encode_shares
from aggregator.masking.comparison_key import NodeHash
from protocols.errors import WireError
from protocols.masking.words import WIDTH, residue

HASH = NodeHash(bytes(range(32)))
WIDTHS = (3, 20, WIDTH - 1)  # l


def draw(count):
    return np.frombuffer(os.urandom(8 * count), dtype=np.uint64)


class Played:
    """Comparisons of s = threshold - level of n agents, up to what aggregators tell."""

    def __init__(self, s, bits=WIDTH - 1):
        n, self.bits = s.size, bits
        self.negative, self.r, self.delta, self.mask = s < 0, residue(draw(n)), draw(n) | np.uint64(1), draw(n)
        self.z = residue(s.view(np.uint64) + self.r)
        r0, self.shares = deal_comparison(self.delta, node_hash=HASH, draw=draw, bits=bits)
        self.offset = self.r - r0 & np.uint64(2 ** (bits + 1) - 1)

    def tell(self, party, *, z=0, offset=0, mask=None):
        return self.shares[party].answer(
            HASH,
            residue(self.z + np.uint64(z)),
            offset=residue(self.offset + np.uint64(offset)),
            mask=self.mask if mask is None else mask,
        )


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("s", [0, 1, -1, 5, -5, "most", "least"])
def test_a_label_stands_where_the_level_is_above_the_threshold(s, bits):
    played = Played(np.full(50, {"most": 2**bits - 1, "least": 1 - 2**bits}.get(s, s), dtype=np.int64), bits)
    label = played.tell(0) ^ played.tell(1)
    np.testing.assert_array_equal(label, np.where(played.negative, played.delta, 0))


LIES = {
    "one bit": lambda played: played.tell(1) ^ np.uint64(1),
    "its share of the label": lambda played: played.tell(1) ^ played.shares[1].label,
    "its share of the top label": lambda played: played.tell(1) ^ played.shares[1].top_label,
    "the other top": lambda played: played.tell(1, z=2**played.bits),
    "a quarter further": lambda played: played.tell(1, z=2 ** (played.bits - 1)),
    "another offset": lambda played: played.tell(1, offset=1),
    "nothing": lambda played: np.zeros(played.z.size, dtype=np.uint64),
    "words of its own": lambda played: draw(played.z.size),
    "another mask": lambda played: played.tell(1, mask=draw(played.z.size)),
}


@pytest.mark.parametrize("bits", WIDTHS[1:])
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_never_looks_like_the_other_bit_and_is_seen_in_both_worlds_alike(lie, bits):
    """Whether a lie is seen at all may depend on masks, never on the bit."""
    seen = []
    for s in (7, -7):
        played = Played(np.full(4000, s, dtype=np.int64), bits)
        label = played.tell(0) ^ LIES[lie](played)
        honest = np.where(played.negative, played.delta, 0)
        assert not ((label != honest) & ((label == 0) | (label == played.delta))).any()
        seen.append(int((label != honest).sum()))
    assert seen == [4000, 4000]


def test_one_aggregators_answer_shows_nothing_without_the_mask():
    """The dealer and the client try levels out against one answer; neither knows the mask that hides it."""
    played = Played(np.full(200, 3, dtype=np.int64))
    told = played.tell(0)
    tried = played.tell(0, mask=np.zeros(200, dtype=np.uint64))
    assert not (told == tried).any()
    np.testing.assert_array_equal(told ^ tried, played.mask)


def test_a_key_has_as_many_levels_as_a_difference_has_bits():
    for bits in WIDTHS:
        first, second = Played(np.zeros(2, dtype=np.int64), bits).shares
        assert first.key.corrections.nodes.shape == (bits, 2, 2)
        assert ComparisonShare.decode(encode_shares((first, second))[0], party=0, n=2, bits=bits).key.party == 0
        with pytest.raises(WireError, match="another size"):
            ComparisonShare.decode(encode_shares((first, second))[0], party=0, n=2, bits=bits + 1)
