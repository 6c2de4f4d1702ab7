"""The lies that one message allows: each of its fields changed, one at a time, and signed by whoever lies."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import msgspec

from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import (
    BitQuestion,
    ClientReply,
    Closing,
    CountShare,
    KeyCommitment,
    KeyContribution,
    LevelShare,
    Offer,
    OpeningQuestion,
    OpeningShare,
    ProofQuestion,
    RangeVerdict,
    ReleaseQuestion,
)
from protocols.masking.words import WORD_BYTES

KINDS: Final = (
    BitQuestion
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
)
FIXED: Final = ("run", "client")  # another one is no message to whom it goes
Change = Callable[[Any], Any]


def _turn(value: bytes) -> bytes:
    return bytes([value[0] ^ 1]) + value[1:]


CHANGES: Final[Mapping[type, Mapping[str, Change]]] = {
    bytes: {
        "with its first bit turned": _turn,
        "at random": lambda value: os.urandom(len(value)),
        "left out": lambda value: b"",
        "too short": lambda value: value[:-WORD_BYTES],
    },
    tuple: {"without its first entry": lambda value: value[1:], "left out": lambda value: ()},
    dict: {"without its first entry": lambda value: dict(list(value.items())[1:]), "left out": lambda value: {}},
    int: {"one higher": lambda value: value + 1},
}


@final
@dataclass(frozen=True, slots=True)
class Lie:
    """One change of one message.

    Attributes:
        kind: of the message.
        number: of its round.
        receiver: to whom it goes.
        place: which of the messages of this kind, round and receiver it is, from 0.
        part: the field that is changed.
        how: in words.
        change: of its value.
    """

    kind: type[msgspec.Struct]
    number: int
    receiver: str
    place: int
    part: str
    how: str
    change: Change = field(repr=False)

    @property
    def name(self) -> str:
        """Return the lie in words."""
        which = f" ({self.place + 1})" if self.place else ""
        return f"{self.kind.__name__}{which} of round {self.number} to {self.receiver}: {self.part} {self.how}"

    @property
    def address(self) -> tuple[object, ...]:
        """Return what messages have in common of which `place` counts."""
        return self.kind, self.number, self.receiver

    def tell(self, message: Any) -> Any:
        """Return the message with the lie in it."""
        return msgspec.structs.replace(message, **{self.part: self.change(getattr(message, self.part))})


def decode(envelope: SignedMessage) -> Any:
    """Return what an aggregator sends; None of what it hands on for others, or only once a run is over."""
    try:
        return msgspec.msgpack.decode(envelope.content, type=KINDS)
    except msgspec.ValidationError:
        return None


def lies_of(sent: Sequence[tuple[str, Any]], key: Callable[[str, Any], object]) -> Iterator[Lie]:
    """Yield each lie about the first message of each key that a whole run has.

    Args:
        sent: receiver and message, in order, as an honest one sent them.
        key: of messages that are alike.
    """
    seen, places = set[object](), Counter[object]()
    for receiver, message in sent:
        name, number = key(receiver, message), message.number
        place = places[type(message), number, receiver]
        places[type(message), number, receiver] += 1
        for part in type(message).__struct_fields__:
            value = getattr(message, part)
            if part in FIXED or (value != 0 and not value) or (name, part) in seen:
                continue
            seen.add((name, part))
            for how, change in CHANGES.get(type(value), {}).items():
                yield Lie(type(message), number, receiver, place, part, how, change)
