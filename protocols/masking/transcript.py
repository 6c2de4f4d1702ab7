"""The challenges of a range proof: hashes of all that was sent, of which the dealer is told derivatives alone."""

import hashlib
from dataclasses import dataclass
from typing import final

from protocols.arithmetic.extension_field import Element, P, from_words
from protocols.arithmetic.fixed_point import U64
from protocols.masking.kernels.folding_kernels import NODES
from protocols.masking.words import expand


@final
@dataclass(frozen=True, slots=True)
class Question:
    """What the dealer needs to answer its part of one proof.

    Attributes:
        rho: the key of the coefficients of all words.
        challenges: one for each fold.

    Security: both are hashes of a state that the nonce of the client has entered, and that the dealer never sees. With
        the state itself, or without the nonce, it could try words out against it.
    """

    rho: bytes
    challenges: tuple[Element, ...]

    def coefficients(self, n: int) -> U64:
        """Return rho of n words, uint64[n, 2]."""
        words = expand(self.rho, 2 * n)
        return from_words(words, out=words).reshape(n, 2)


@final
class Transcript:
    """The state of the hash over what a client has sent of one proof."""

    __slots__ = ("_challenges", "_rho", "_state")

    def __init__(self, context: bytes, nonce: bytes, hashes: bytes) -> None:
        """Begin with the name of the message, the nonce, and the hashes of all that it says."""
        name, words = hashlib.sha256(context).digest(), hashlib.sha256(hashes).digest()
        self._state = hashlib.sha256(b"lpm range proof" + nonce + name + words).digest()
        self._rho = hashlib.sha256(b"lpm range rho" + self._state).digest()
        self._challenges: tuple[Element, ...] = ()

    def challenge(self, row: U64) -> Element:
        """Take in a row of the proof, and return where its polynomial is asked: outside of the nodes."""
        self._state = hashlib.sha256(self._state + row.astype("<u8").tobytes()).digest()
        wide = hashlib.sha512(b"lpm range r" + self._state).digest()
        first, second = (int.from_bytes(wide[32 * part : 32 * part + 32], "big") for part in (0, 1))
        r = (NODES + first % (P - NODES), second % P)
        self._challenges = (*self._challenges, r)
        return r

    def question(self) -> Question:
        """Return what the dealer may be told."""
        return Question(self._rho, self._challenges)
