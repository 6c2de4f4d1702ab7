"""Long parts of a message, which travel beside its content: the content holds the hash of each in its place.

So what is signed, compared and written down stays short, what two messages have in common is hashed once, and nothing
long is copied to be encoded.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, ClassVar, Final, TypeVar, final

import msgspec

from protocols.errors import WireError

M = TypeVar("M", bound=msgspec.Struct)
Part = bytes | memoryview
Parts = tuple[Part, ...]

LEAST: Final = 2**14  # bytes of a message's parts; of fewer, all stand in its content
MOST_PARTS: Final = 64
HASH_BYTES: Final = 32


class AttachingMessage(msgspec.Struct, frozen=True):
    """A message whose long parts may travel beside it.

    Attributes:
        LONG: its fields that are long, each of bytes or a tuple of some; a part that is empty stands for none.
    """

    LONG: ClassVar[tuple[str, ...]] = ()


@final
class PartHashes:
    """SHA-256 of parts, each computed once: those of one object, which lives as long as this."""

    __slots__ = ("_hashes",)

    def __init__(self) -> None:
        """Begin with none."""
        self._hashes: dict[int, tuple[Part, bytes]] = {}

    def of(self, part: Part) -> bytes:
        """Return the hash of a part, whose bytes do not change any more."""
        if id(part) not in self._hashes:
            self._hashes[id(part)] = part, hashlib.sha256(part).digest()
        return self._hashes[id(part)][1]


def detach(message: M, hashes: PartHashes) -> tuple[M, Parts]:
    """Return what a message's content says, and its long parts."""
    parts = _parts(message)
    if sum(map(len, parts)) < LEAST:
        return message, ()
    return _with_parts(message, map(hashes.of, parts)), parts


def attach(message: M, parts: Parts, hashes: PartHashes) -> M:
    """Return the message that `detach` took apart.

    Raises:
        WireError: other parts than those whose hashes the content holds, or parts that do not travel beside it.
    """
    held = _parts(message)
    long = parts or held
    if (sum(map(len, long)) >= LEAST) != bool(parts):
        raise WireError(
            f"a message has parts of {sum(map(len, long))} bytes; those of {LEAST} or more travel beside it"
        )
    if not parts:
        return message
    if len(parts) != len(held) or any(hashes.of(part) != bytes(own) for part, own in zip(parts, held, strict=True)):
        raise WireError("a message came with other parts than those that its content names")
    return _with_parts(message, parts)


def _parts(message: msgspec.Struct) -> Parts:
    """Return all long parts of a message, in the order of its fields; empty ones are none."""
    if not isinstance(message, AttachingMessage):
        return ()
    fields = (getattr(message, name) for name in message.LONG)
    return tuple(part for value in fields for part in (value if isinstance(value, tuple) else (value,)) if len(part))


def _with_parts(message: M, parts: Iterable[Part]) -> M:
    """Return a message with others in place of its parts."""
    given, changes = iter(parts), dict[str, Any]()
    for name in message.LONG if isinstance(message, AttachingMessage) else ():
        value = getattr(message, name)
        if isinstance(value, tuple):
            changes[name] = tuple(memoryview(next(given)) if len(part) else part for part in value)
        elif len(value):
            changes[name] = next(given)
    changed: M = msgspec.structs.replace(message, **changes)
    return changed
