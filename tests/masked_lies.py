"""What an aggregator that lies may do in a masked run: each lie is a change of what it sends or computes."""

import dataclasses
import inspect
import os
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np
import pytest

from aggregator.masking.round_state import RoundStage
from aggregator.masking.suppression import suppress
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import (
    AttendanceNotice,
    BitAnswer,
    BitQuestion,
    ClientReply,
    Closing,
    CountShare,
    KeyCommitment,
    KeyContribution,
    LevelShare,
    Offer,
    OpeningAnswer,
    OpeningQuestion,
    OpeningShare,
    ProofAnswer,
    ProofQuestion,
    RangeVerdict,
    ReleaseAnswer,
    ReleaseQuestion,
    ReturnNotice,
    SeedNotice,
    StepNotice,
    Stop,
    WordsNotice,
    from_bytes,
    to_bytes,
)
from protocols.masking.words import LIMIT, residue


def few(lies: Iterable[str], *names: str) -> list[Any]:
    """Return all lies' names as parameters of a test, of which these few are of the default suite."""
    return [name if name in names else pytest.param(name, marks=pytest.mark.slow) for name in lies]


KINDS = (
    AttendanceNotice
    | BitQuestion
    | ClientReply
    | Closing
    | CountShare
    | KeyCommitment
    | KeyContribution
    | LevelShare
    | Offer
    | OpeningQuestion
    | OpeningShare
    | ProofQuestion
    | RangeVerdict
    | ReleaseQuestion
    | ReturnNotice
    | SeedNotice
    | StepNotice
    | Stop
    | WordsNotice
)
ANSWERS = BitAnswer | OpeningAnswer | ProofAnswer | ReleaseAnswer  # of the dealer
LIAR = "aggregator-1"
SPEAK, DECIDE, SECOND_DECIDE = 1, 2, 4
SUPPRESSION = tuple(inspect.signature(suppress).parameters)


class Liar:
    """Stands between all parties of a run, and changes what the second aggregator sends, signed with its key.

    Attributes:
        run: set once the run has started; what is sent before goes as it is, unless `early`.
        lies: how often it has lied.
    """

    def __init__(self, change: Callable[["Liar", str, Any], Any], *, early: bool = False) -> None:
        self.change, self.early, self.lies, self.run = change, early, 0, None

    def __call__(self, sender: str, receiver: str, message: SignedMessage) -> SignedMessage:
        if sender != LIAR or (self.run is None and not self.early):
            return message
        content = msgspec.msgpack.decode(message.content, type=KINDS)
        changed = self.change(self, receiver, content)
        if changed is None or changed == content:
            return message
        self.lies += 1
        return changed if isinstance(changed, SignedMessage) else self.signed(changed)

    def signed(self, content: Any) -> SignedMessage:
        return self.run.signers[LIAR].send(content)


def replace(message: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(message, **changes)


def when(kind: type, number: int, change: Callable[..., Any], *, to: str = "") -> Callable[[Liar, str, Any], Any]:
    """Return a lie that changes messages of one kind and round, to one receiver or to all."""

    def lie(liar: Liar, receiver: str, message: Any) -> Any:
        if not isinstance(message, kind) or message.number != number or to not in ("", receiver):
            return None
        return change(liar, message)

    return lie


def answers(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Liar, Any], Any]:
    """Return a change of the answers to client-0."""

    def lie(liar: Liar, message: Any) -> Any:
        if message.client != "client-0":
            return None
        return replace(message, answers=to_bytes(change(from_bytes(message.answers))))

    return lie


def shift_sum(liar: Liar, receiver: str, message: Any) -> Any:
    """Tell what follows from another masked sum of agent 0: it changes what the liar computes with."""
    party = liar.run.aggregators[1]
    if isinstance(message, Closing) and message.number == DECIDE:
        offsets = party._comparison.offsets.copy()
        offsets[0] ^= np.uint64(1)
        party._comparison = dataclasses.replace(party._comparison, offsets=offsets)
        liar.lies += 1


def take_other_words(liar: Liar, receiver: str, message: Any) -> Any:
    """Count another word of client-0 than it sent, and ask what the honest one asks."""
    party = liar.run.aggregators[1]
    if isinstance(message, RangeVerdict) and message.number == SPEAK:
        mine = party._round.examined["client-0"]
        words = mine.words.copy()
        words[4] = residue(words[4] + np.uint64(1))
        party._round.examined["client-0"] = dataclasses.replace(mine, words=words)
        liar.lies += 1


def leave_out(liar: Liar, receiver: str, message: Any) -> Any:
    """Find client-0 out of range when it decides: the dealer is asked as by the honest one, and answers both."""
    mine = liar.run.aggregators[1]._round  # it may have asked early, before it has closed the round
    if isinstance(message, Closing | ProofQuestion) and message.number == DECIDE and mine.stage == RoundStage.ASKED:
        liar.lies += mine.examined.pop("client-0", None) is not None


def ask_other_challenges(liar: Liar, message: Any) -> Any:
    first = replace(message.clients[0], rho=os.urandom(32))
    return replace(message, clients=(first, *message.clients[1:]))


def ask_another_counter(liar: Liar, message: Any) -> Any:
    return replace(message, clients=(replace(message.clients[0], counter=2), *message.clients[1:]))


def drop_first(liar: Liar, message: Any) -> Any:
    return replace(message, accepted=message.accepted[1:])


def ask_fewer(liar: Liar, message: Any) -> Any:
    return replace(message, clients=message.clients[1:])


def raise_release(liar: Liar, message: Any) -> Any:
    words = from_bytes(message.release).copy()
    words[0] += np.uint64(1)
    return replace(message, release=to_bytes(words))


def other_announcement(liar: Liar, message: Any) -> Any:
    return replace(message, announcement=os.urandom(32))


def announce_another(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Liar, Any], Any]:
    """Return a change of what the liar says that the engine announced."""

    def lie(liar: Liar, message: Any) -> Any:
        return replace(message, announcement=to_bytes(change(from_bytes(message.announcement))))

    return lie


def flip(words: np.ndarray) -> np.ndarray:
    changed = words.copy()
    changed[0] ^= np.uint64(1)
    return changed


def random_words(words: np.ndarray) -> np.ndarray:
    return from_bytes(os.urandom(8 * words.size))


def level_share(change: Callable[[np.ndarray], np.ndarray], *, field: str = "shares") -> Callable[[Liar, Any], Any]:
    """Return a change of what the liar opens of masked levels."""

    def lie(liar: Liar, message: Any) -> Any:
        return replace(message, **{field: to_bytes(change(from_bytes(getattr(message, field))))})

    return lie


def restart_another(liar: Liar, receiver: str, message: Any) -> Any:
    """Take the other bit of whether agent 0's level begins anew, and share what follows."""
    party = liar.run.aggregators[1]
    if isinstance(message, RangeVerdict) and message.number == SECOND_DECIDE:
        mine = party._round.examined["client-0"]
        liar.lies += 1
        party._round.examined["client-0"] = dataclasses.replace(mine, bits=mine.bits ^ np.uint64(1))


def weigh_otherwise(liar: Liar, receiver: str, message: Any) -> Any:
    """Take the other lowest bit of agent 0's weight, and share what follows."""
    party = liar.run.aggregators[1]
    if isinstance(message, RangeVerdict) and message.number == DECIDE:
        mine = party._round.examined["client-0"]
        bits = mine.bits.copy()
        bits[1] ^= np.uint64(1)
        liar.lies += 1
        party._round.examined["client-0"] = dataclasses.replace(mine, bits=bits)


def take_another_exposure(liar: Liar, receiver: str, message: Any) -> Any:
    """Share what follows from another masked exposure of agent 0."""
    if isinstance(message, RangeVerdict) and message.number == DECIDE:
        _move(liar, "exposure")


def take_another_level(liar: Liar, receiver: str, message: Any) -> Any:
    """Share what follows from another masked level of agent 0."""
    if isinstance(message, RangeVerdict) and message.number == SECOND_DECIDE:
        _move(liar, "level")


def _move(liar: Liar, column: str) -> None:
    party = liar.run.aggregators[1]
    moved = getattr(party._sums._levels, column).copy()
    moved[0, 0] += np.uint64(1)
    party._sums._levels = dataclasses.replace(party._sums._levels, **{column: moved})
    liar.lies += 1


def count_share(
    part: int, change: Callable[[np.ndarray], np.ndarray], *, field: str = "shares"
) -> Callable[[Liar, Any], Any]:
    """Return a change of one of the messages that suppress small counts."""

    def lie(liar: Liar, message: Any) -> Any:
        return level_share(change, field=field)(liar, message) if message.part == part else None

    return lie


def suppress_others(**changes: Callable[[Any], Any]) -> Callable[[Liar, str, Any], Any]:
    """Return a lie that suppresses by other masked counts, or by another number of agents, than there are."""

    def lie(liar: Liar, receiver: str, message: Any) -> Any:
        party = liar.run.aggregators[1]
        if isinstance(message, CountShare) and message.number == SPEAK and message.part == 0:
            given = party._steps.gi_frame.f_locals
            changed = {name: changes.get(name, lambda same: same)(given[name]) for name in SUPPRESSION}
            liar.lies += 1
            party._steps = suppress(**changed)
            shares, tags = map(to_bytes, next(party._steps))
            return replace(message, shares=shares, tags=tags)
        return None

    return lie


def add_word(place: int, number: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a change that adds a number to one word."""

    def change(words: np.ndarray) -> np.ndarray:
        moved = np.zeros_like(words)
        moved[place] = number
        return moved + words  # arrays wrap, scalars would warn

    return change


RESTART_LIES = {
    "a masked level is raised": when(LevelShare, SECOND_DECIDE, level_share(add_word(0, 1))),
    "a masked level is raised by half of the ring": when(LevelShare, SECOND_DECIDE, level_share(add_word(0, LIMIT))),
    "a masked level is raised beyond the ring": when(LevelShare, SECOND_DECIDE, level_share(add_word(1, 1))),
    "a tag of a masked level is changed": when(LevelShare, SECOND_DECIDE, level_share(add_word(0, 1), field="tags")),
    "masked levels are random": when(
        LevelShare, SECOND_DECIDE, level_share(lambda words: from_bytes(os.urandom(8 * words.size)))
    ),
    "masked levels are too few": when(LevelShare, SECOND_DECIDE, level_share(lambda words: words[:2])),
    "a masked level begins anew that does not": restart_another,
    "another masked level is shared": take_another_level,
}
WEIGHT_LIES = {
    "a product is raised": when(LevelShare, DECIDE, level_share(add_word(0, 1))),
    "a product is raised by half of the ring": when(LevelShare, DECIDE, level_share(add_word(0, LIMIT))),
    "the product of a weight's last bit is raised": when(LevelShare, DECIDE, level_share(add_word(-2, 1))),
    "a product is raised beyond the ring": when(LevelShare, DECIDE, level_share(add_word(1, 1))),
    "a tag of a product is changed": when(LevelShare, DECIDE, level_share(add_word(0, 1), field="tags")),
    "products are nothing": when(LevelShare, DECIDE, level_share(np.zeros_like)),
    "products are too few": when(LevelShare, DECIDE, level_share(lambda words: words[:-2])),
    "two products are exchanged": when(LevelShare, DECIDE, level_share(lambda words: np.roll(words, 2))),
    "another bit of a weight is taken": weigh_otherwise,
    "another masked exposure is shared": take_another_exposure,
}
ENVIRONMENT_LIES = {
    "a public number is changed for all": when(ClientReply, SPEAK, announce_another(flip)),
    "a public number is changed for one client": when(ClientReply, SPEAK, announce_another(flip), to="client-0"),
    "a public number is changed for the engine": when(ClientReply, SPEAK, announce_another(flip), to="engine"),
    "public numbers are left out": when(ClientReply, SPEAK, announce_another(lambda words: words[:0]), to="client-1"),
    "a question names another announcement": when(ProofQuestion, SPEAK, other_announcement),
    "a release is asked for another announcement": when(ReleaseQuestion, SPEAK, other_announcement),
}


def of_counts(part: int, change: Callable[[np.ndarray], np.ndarray], **given: str) -> Callable[[Liar, str, Any], Any]:
    """Return a lie in one of the messages of the first round that releases anything."""
    return when(CountShare, SPEAK, count_share(part, change, **given))


COUNT_LIES = {
    **{f"a word of a bit is turned in message {part}": of_counts(part, flip) for part in (0, 2)},
    **{f"words of bits are random in message {part}": of_counts(part, random_words) for part in (0, 2)},
    **{f"words of bits are nothing in message {part}": of_counts(part, np.zeros_like) for part in (0, 2)},
    **{f"words are too few in message {part}": of_counts(part, lambda words: words[:-1]) for part in range(4)},
    **{f"a count is raised in message {part}": of_counts(part, add_word(0, 1)) for part in (1, 3)},
    **{f"the last count is raised in message {part}": of_counts(part, add_word(-2, 1)) for part in (1, 3)},
    **{
        f"a count is raised by half of the ring in message {part}": of_counts(part, add_word(0, LIMIT))
        for part in (1, 3)
    },
    **{f"counts are random in message {part}": of_counts(part, random_words) for part in (1, 3)},
    **{f"a tag is changed in message {part}": of_counts(part, add_word(0, 1), field="tags") for part in (1, 3)},
    "another count is suppressed": suppress_others(counts=add_word(0, 1)),
    "a count of half of the ring is suppressed": suppress_others(counts=add_word(1, LIMIT)),
    "another number of agents is told": suppress_others(agents=lambda agents: agents + 1),
    "a message of counts is told out of its turn": when(
        CountShare, SPEAK, lambda liar, message: replace(message, part=message.part + 1)
    ),
}
CHANGES_OF_SUMS = {
    **{f"a sum is raised by {by}": add_word(0, by) for by in (1, LIMIT, 2 * LIMIT)},
    "a sum is a random word": random_words,
    "a sum is nothing": np.zeros_like,
    "sums are too few": lambda words: words[:-1],
    "two agents' sums are exchanged": lambda words: words[[1, 0, *range(2, words.size)]],
}
SUM_LIES = {name: when(ClientReply, DECIDE, answers(change)) for name, change in CHANGES_OF_SUMS.items()}
SUM_LIES["a sum is of another masked number"] = shift_sum
LIES = {
    "a word of a client is shifted, and the question is the honest one": take_other_words,
    "a proof is asked with other challenges": when(ProofQuestion, SPEAK, ask_other_challenges),
    "a proof is asked for another seed": when(ProofQuestion, SPEAK, ask_another_counter),
    "a client is left out of the question": when(ProofQuestion, SPEAK, ask_fewer),
    "a question names another announcement": when(ProofQuestion, SPEAK, other_announcement),
    "an honest client is called out of range": when(RangeVerdict, SPEAK, drop_first),
    "an honest client is left out when it decides": leave_out,
    "other members are named when they decide": when(ClientReply, DECIDE, drop_first),
    "other members are named to one client when it decides": when(ClientReply, DECIDE, drop_first, to="client-1"),
    "a release is asked for fewer clients": when(ReleaseQuestion, SPEAK, drop_first),
    "a release is asked for another announcement": when(ReleaseQuestion, SPEAK, other_announcement),
    "a client is kept back": when(Closing, SPEAK, lambda liar, message: replace(message, digest=os.urandom(32))),
    "a release is raised for all": when(ClientReply, SPEAK, raise_release),
    "a release is raised for one client": when(ClientReply, SPEAK, raise_release, to="client-0"),
    "a release is raised for the engine": when(ClientReply, SPEAK, raise_release, to="engine"),
    "other members are named to a client": when(ClientReply, SPEAK, drop_first, to="client-1"),
    "an answer is turned by one bit": when(ClientReply, DECIDE, answers(flip)),
    "an answer is a random word": when(ClientReply, DECIDE, answers(lambda w: w ^ from_bytes(os.urandom(8 * w.size)))),
    "an answer is too short": when(ClientReply, DECIDE, answers(lambda words: words[:1])),
}
