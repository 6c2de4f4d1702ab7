"""What two aggregators tell each other to compare, in its turn alone."""

import numpy as np
import pytest

from aggregator.masking.carry.bit_opening import BitOpening, answer, count_messages
from protocols.errors import RoundAhead, WireError
from protocols.masking.messages import BitQuestion, OpeningQuestion

BITS, N, RUN = 20, 70, bytes(32)


@pytest.fixture
def pair(opened):
    """Return both aggregators' openings of one dealing, and the dealing."""
    world = opened(BITS, N)
    return [BitOpening(share, world.z, bits=BITS, key=bytes(32)) for share in world.shares], world


def tell_all(pair, messages):
    """Exchange so many messages."""
    for _ in range(messages):
        told = [each.tell() for each in pair]
        for each, content in zip(pair, reversed(told), strict=True):
            each.take(content)


def test_both_come_to_the_same_bits_once_the_dealer_has_answered(pair):
    (one, other), world = pair
    tell_all((one, other), count_messages(BITS))
    assert one.challenges == other.challenges
    dealt = *world.shares, world.told
    with pytest.raises(RoundAhead, match="before what was opened is proved"):
        one.unmask(bytes(16))
    proofs = answer(dealt, OpeningQuestion(run=RUN, number=1, challenges=one.challenges), run=RUN)
    masks = answer(dealt, BitQuestion(run=RUN, number=1), run=RUN)
    for each, proof in zip((one, other), proofs, strict=True):
        each.check(proof)
    found = [each.unmask(told.masks) for each, told in zip((one, other), masks, strict=True)]
    below = (world.z - world.r & np.uint64(2 ** (BITS + 1) - 1)) >> np.uint64(BITS)
    assert [(each ^ world.masks).tolist() for each in found] == 2 * [below.tolist()]
    with pytest.raises(WireError, match="words of masks of bits"):
        one.unmask(masks[0].masks[8:])


def test_a_message_that_comes_out_of_its_turn_is_refused(pair):
    (one, other), _ = pair
    with pytest.raises(RoundAhead, match="came before this one's"):
        one.take(other.tell())
    tell_all((one, other), count_messages(BITS) - 1)
    proof = other.tell()
    with pytest.raises(RoundAhead, match="proof came before this one's"):
        one.take(proof)
    one.tell()
    one.take(proof)
    with pytest.raises(RoundAhead, match="or twice"):
        one.take(proof)
