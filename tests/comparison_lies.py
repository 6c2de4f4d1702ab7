"""What an aggregator that lies may do where it compares, by keys or by a tree."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from aggregator.masking.carry.bit_opening import BitOpening
from protocols.masking.messages import ClientReply, Closing, OpeningQuestion, OpeningShare, from_bytes, to_bytes
from protocols.masking.words import residue
from tests.masked_lies import DECIDE, Liar, add_word, answers, flip, random_words, replace, when


def shift(by: int, *, ring: int = 0) -> Callable[[Liar, str, Any], Any]:
    """Return a lie that evaluates agent 0's comparison elsewhere, by `ring` in fourths of the ring and `by` further."""

    def lie(liar: Liar, receiver: str, message: Any) -> Any:
        party = liar.run.aggregators[1]
        if isinstance(message, Closing) and message.number == DECIDE:
            offsets = party._comparison.offsets.copy()
            quarter = 2 ** (party.plan.difference_bits - 1)
            offsets[0] = residue(offsets[0] + np.uint64(by + ring * quarter))
            party._comparison = dataclasses.replace(party._comparison, offsets=offsets)
            liar.lies += 1

    return lie


def own_label(liar: Liar, receiver: str, message: Any) -> Any:
    """Turn the bit of agent 0 over with this aggregator's share of its label."""
    if not isinstance(message, Closing) or message.number != DECIDE:
        return None
    party = liar.run.aggregators[1]
    share, label = party._comparison.share, party._comparison.share.top_label.copy()
    label[0] ^= share.label[0]
    party._comparison = dataclasses.replace(party._comparison, share=dataclasses.replace(share, top_label=label))
    liar.lies += 1
    return None


KEY_LIES = {
    "an answer is nothing": when(ClientReply, DECIDE, answers(np.zeros_like)),
    "an answer carries its share of the label": own_label,
    "a comparison is made at the next number": shift(1),
    "a bit is forced by a quarter of the ring": shift(0, ring=1),
    "a bit is forced by half of the ring": shift(0, ring=2),
}


def of_openings(part: int, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Liar, str, Any], Any]:
    """Return a change of one of the messages that open bits in the first decision; the last of them is the proof."""

    def lie(liar: Liar, message: Any) -> Any:
        last = liar.run.aggregators[0].opening_messages - 1
        if message.part != (last if part < 0 else part):
            return None
        return replace(message, words=to_bytes(change(from_bytes(message.words))))

    return when(OpeningShare, DECIDE, lie)


def turn(place: int, bit: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """Return a change that turns one bit of one word."""

    def change(words: np.ndarray) -> np.ndarray:
        turned = words.copy()
        turned[place] ^= np.uint64(1 << bit)
        return turned

    return change


def compare_otherwise(change: Callable[[Any], dict[str, Any]]) -> Callable[[Liar, str, Any], Any]:
    """Return a lie that opens, and proves, what follows from other numbers."""

    def lie(liar: Liar, receiver: str, message: Any) -> Any:
        if not isinstance(message, OpeningShare) or (message.number, message.part) != (DECIDE, 0):
            return None
        party = liar.run.aggregators[1]
        bits, share = party.plan.difference_bits, party._comparison.share
        z = party._sums.differences()[list(party.plan.bits)].reshape(-1)
        given = {"share": share, "z": z} | change((share, z))
        party._round.opening = BitOpening(**given, bits=bits, key=party._round.opening._key)
        liar.lies += 1
        return replace(message, words=party._round.opening.tell())

    return lie


def open_and_prove(part: int, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Liar, str, Any], Any]:
    """Return a lie that opens other bits, goes on with them, and proves all as if they were what was dealt."""

    def lie(liar: Liar, message: Any) -> Any:
        opening = liar.run.aggregators[1]._round.opening
        if message.part != part % (liar.run.aggregators[0].opening_messages - 1):
            return None
        opened = opening._own[message.part]
        opening._own[message.part] = change(opened.reshape(-1)).reshape(opened.shape)
        return replace(message, words=to_bytes(opening._own[message.part]))

    return when(OpeningShare, DECIDE, lie)


def replay(liar: Liar, receiver: str, message: Any) -> Any:
    """Open in the second decision what it opened in the first one, and go on with that."""
    if not isinstance(message, OpeningShare) or message.part >= liar.run.aggregators[0].opening_messages - 1:
        return None
    opened = liar.run.aggregators[1]._round.opening._own
    if message.number == DECIDE:
        liar.heard = {**getattr(liar, "heard", {}), message.part: opened[message.part]}
        return None
    opened[message.part] = liar.heard[message.part]
    return replace(message, words=to_bytes(opened[message.part]))


def other_challenges(party: int) -> Callable[[Liar, Any], Any]:
    """Return a change of what is asked of one aggregator's proof."""

    def lie(liar: Liar, message: Any) -> Any:
        asked = list(message.challenges)
        first = asked[party][0]
        asked[party] = (bytes([first[0] ^ 1]) + first[1:], *asked[party][1:])
        return replace(message, challenges=tuple(asked))

    return lie


def deal_other_planes(given: Any) -> dict[str, Any]:
    planes = given[0].planes.copy()
    planes[1, 0] ^= np.uint64(1)
    return {"share": dataclasses.replace(given[0], planes=planes)}


TREE_LIES = {
    **{f"the first bit is turned in message {part}": of_openings(part, turn(0)) for part in (0, 1)},
    **{f"the last agent's bit is turned in message {part}": of_openings(part, turn(-1, bit=3)) for part in (0, 1)},
    **{f"bits are random in message {part}": of_openings(part, random_words) for part in (0, 1)},
    **{f"bits are nothing in message {part}": of_openings(part, np.zeros_like) for part in (0, 1)},
    **{f"bits are too few in message {part}": of_openings(part, lambda words: words[:-1]) for part in (0, 1)},
    **{f"a masked bit is turned at agent {bit}": of_openings(-2, turn(0, bit=bit)) for bit in range(2)},
    "the first element of the proof is changed": of_openings(-1, turn(0)),
    "the last element of the proof is changed": of_openings(-1, turn(-1, bit=63)),
    "the proof is random": of_openings(-1, random_words),
    "the proof is nothing": of_openings(-1, np.zeros_like),
    "the proof is too short": of_openings(-1, lambda words: words[:-2]),
    **{f"a bit that is turned in message {part} is proved": open_and_prove(part, turn(0)) for part in (0, 1)},
    **{f"the last bit turned in message {part} is proved": open_and_prove(part, turn(-1, bit=3)) for part in (0, 1)},
    "random bits are proved": open_and_prove(0, random_words),
    "masked bits of nothing are proved": open_and_prove(-1, np.zeros_like),
    "turned masked bits are proved": open_and_prove(-1, np.invert),
    "the next number is compared": compare_otherwise(lambda given: {"z": given[1] + np.uint64(1)}),
    "another agent's number is compared": compare_otherwise(lambda given: {"z": np.roll(given[1], 1)}),
    "a number is compared elsewhere in the ring": compare_otherwise(lambda given: {"z": given[1] + np.uint64(8)}),
    "another share is opened and proved": compare_otherwise(deal_other_planes),
    "openings come out of their turn": when(
        OpeningShare, DECIDE, lambda liar, message: replace(message, part=message.part + 1)
    ),
    "the dealer is asked for its own proof with other challenges": when(OpeningQuestion, DECIDE, other_challenges(1)),
    "the dealer is asked for the other's proof with other challenges": when(
        OpeningQuestion, DECIDE, other_challenges(0)
    ),
    "the dealer is asked for one proof": when(
        OpeningQuestion, DECIDE, lambda liar, message: replace(message, challenges=message.challenges[:1])
    ),
    "the masked bit is turned for a client": when(ClientReply, DECIDE, answers(flip)),
    "the masked bit is no bit": when(ClientReply, DECIDE, answers(add_word(0, 2))),
}
