"""Correlated randomness, such as Beaver triples: what the dealer and the parties make of the same keys.

Every correlation is a row of *free* words, which all parties expand from their keys, and a row of *product* words,
which all but the last expand; the last is sent the correction that makes the shares fit. So the dealer sends nothing
but a key to all parties except one.
"""

import abc
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from aggregator.mpc import gf128
from aggregator.mpc.circuits.bit_planes import bits_of, from_planes, n_words
from aggregator.mpc.circuits.carry_tree import Gates, carry_tree, n_products, products
from aggregator.mpc.keystream import U64, Keystream, subkey
from protocols.errors import ParameterError, WireError

MAX_BITS: Final = 62
SIGN_BITS: Final = 63
MAX_N: Final = 1 << 24  # some 1 GiB of randomness
_SPEC: Final = struct.Struct("!BBBxxxxxQ")


@dataclass(frozen=True, slots=True)
class Correlation(abc.ABC):
    """So many correlated shares; subclasses are final."""

    n: int
    code: ClassVar[int] = 0

    def __post_init__(self) -> None:
        """Refuse what does not fit into one operation."""
        if not 0 < self.n <= MAX_N:
            raise ParameterError(f"got {self.n} elements; between 1 and {MAX_N} fit into one operation; split it")

    @property
    @abc.abstractmethod
    def free_words(self) -> int:
        """How many words every party expands."""

    @property
    @abc.abstractmethod
    def product_words(self) -> int:
        """How many words the last party is sent."""

    @abc.abstractmethod
    def correct(self, free: Sequence[U64], known: Sequence[U64]) -> U64:
        """Return the last party's product words, from everybody's free words and the others' product words."""

    def encode(self) -> bytes:
        """Return the fixed-length name of this correlation."""
        return _SPEC.pack(self.code, 0, 0, self.n)

    def purpose(self, index: int) -> bytes:
        """Return what the key of the batch with this index is derived from."""
        return b"lpm mpc batch" + self.encode() + index.to_bytes(8, "big")

    def expand(self, key: bytes, index: int, correction: U64 | None) -> tuple[U64, U64]:
        """Return a party's free and product words; only the last party has a correction."""
        stream = Keystream(subkey(key, self.purpose(index)))
        free = stream.words(self.free_words)
        return free, stream.words(self.product_words) if correction is None else correction

    def deal(self, keys: Sequence[bytes], index: int) -> U64:
        """Return what the dealer sends to the last party."""
        *others, last = keys
        dealt = [self.expand(key, index, None) for key in others]
        free = Keystream(subkey(last, self.purpose(index))).words(self.free_words)
        return self.correct([*(words for words, _ in dealt), free], [known for _, known in dealt])


class Product(Correlation):
    """Shares of elements a, b and their product c; subclasses are final, and say which product."""

    __slots__ = ()
    words: ClassVar[int] = 1  # in an element

    @property
    def free_words(self) -> int:
        """Words of a and b."""
        return 2 * self.words * self.n

    @property
    def product_words(self) -> int:
        """Words of c."""
        return self.words * self.n


@final
class Triple(Product):
    """A Beaver triple: additive shares of a, b and c = a * b."""

    __slots__ = ()
    code = 1

    def correct(self, free: Sequence[U64], known: Sequence[U64]) -> U64:
        """Return the last share of c."""
        total = _sum(free).reshape(2, self.n)
        out: U64 = total[0] * total[1]
        for share in known:
            out -= share
        return out


@final
class AndTriple(Product):
    """XOR shares of words a, b and c = a & b."""

    __slots__ = ()
    code = 2

    def correct(self, free: Sequence[U64], known: Sequence[U64]) -> U64:
        """Return the last share of c."""
        total = _xor(free).reshape(2, self.n)
        return _xor([total[0] & total[1], *known])


@final
class SharedBit(Correlation):
    """Random bits, XOR-shared in bit 0 of a word each and shared additively as well."""

    __slots__ = ()
    code = 3

    @property
    def free_words(self) -> int:
        """Words of the XOR shares."""
        return self.n

    @property
    def product_words(self) -> int:
        """Words of the additive shares."""
        return self.n

    def correct(self, free: Sequence[U64], known: Sequence[U64]) -> U64:
        """Return the last additive share."""
        out = _xor(free) & np.uint64(1)
        for share in known:
            out -= share
        return out


@final
class Blinding(Product):
    """XOR shares of elements a, b and c = a * b of the field of 2**128: a product with a number that nobody knows."""

    __slots__ = ()
    code = 6
    words = gf128.WORDS

    def correct(self, free: Sequence[U64], known: Sequence[U64]) -> U64:
        """Return the last share of c."""
        a, b = _xor(free).reshape(2, self.n, gf128.WORDS)
        products = [gf128.multiply(*pair) for pair in zip(a, b, strict=True)]
        return _xor([np.concatenate(products), *known])


@dataclass(frozen=True, slots=True)
class MaskedComparison(Correlation):
    """What it takes to compare a public number, opened under a mask r, with that mask: the rest is in the subclasses.

    Free: the bits of r, the masks of the gates. Product: products of masks, and r as integers.
    """

    bits: int = MAX_BITS
    additive: bool = False
    most_bits: ClassVar[int] = SIGN_BITS

    def __post_init__(self) -> None:
        """Refuse a range that could wrap."""
        Correlation.__post_init__(self)
        if not 1 <= self.bits <= self.most_bits:
            raise ParameterError(f"got {self.bits} bits; 1 to {self.most_bits} are allowed")

    @property
    @abc.abstractmethod
    def mask_bits(self) -> int:
        """How many bits r has."""

    @property
    def m(self) -> int:
        """Words in a bit plane."""
        return n_words(self.n)

    @property
    def free_planes(self) -> int:
        """Planes of r, of the gates' masks, and of the bit."""
        masks = sum((2 * gates.width - 1) * gates.count for gates in self.gates())
        return self.mask_bits + masks + self.additive

    @property
    def product_planes(self) -> int:
        """Planes of products of masks."""
        leaves = sum(n_products(gates.width, leaf=True) * gates.count for gates in carry_tree(self.bits).leaves)
        return leaves + sum(n_products(gates.width, leaf=False) * gates.count for gates in self.gates())

    @property
    def free_words(self) -> int:
        """Words of the free planes."""
        return self.free_planes * self.m

    @property
    def product_words(self) -> int:
        """Words of the products, of r and of the bit."""
        return self.product_planes * self.m + (1 + self.additive) * self.n

    def gates(self) -> list[Gates]:
        """Return the gates that need an opening, level by level; a gate of one input only passes it on."""
        return [gates for level in carry_tree(self.bits).levels for gates in level if gates.width > 1]

    def encode(self) -> bytes:
        """Return the fixed-length name of this correlation."""
        return _SPEC.pack(self.code, self.bits, self.additive, self.n)

    def correct(self, free: Sequence[U64], known: Sequence[U64]) -> U64:
        """Return the last party's products, and its shares of r and of the bit."""
        total = PlaneReader(_xor(free), self.m)
        out = np.empty(self.product_words, np.uint64)
        written = PlaneReader(out, self.m)
        r = total.take(self.mask_bits)
        first = 0
        for gates in carry_tree(self.bits).leaves:
            bits = r[first : first + gates.width * gates.count].reshape(gates.count, gates.width, self.m)
            first += gates.width * gates.count
            for product in products(bits.transpose(1, 0, 2), None):
                written.take(*product.shape[:-1])[...] = product
        for gates in self.gates():
            p, g = total.take(gates.width, gates.count), total.take(gates.width - 1, gates.count)
            for product in products(p, g):
                written.take(*product.shape[:-1])[...] = product
        n_plane_words = self.product_planes * self.m
        for share in known:
            out[:n_plane_words] ^= share[:n_plane_words]
        words = out[n_plane_words:].reshape(-1, self.n)
        words[0] = from_planes(r, self.n)
        if self.additive:
            words[1] = bits_of(total.take(1)[0], self.n).view(np.uint64)
        for share in known:
            words -= share[n_plane_words:].reshape(-1, self.n)
        return out


@final
@dataclass(frozen=True, slots=True)
class Comparison(MaskedComparison):
    """All that one comparison of numbers below `2**bits` takes; `additive` adds what turns its result into integers.

    With 63 bits the numbers may be any whose difference, read as a signed number, is right.
    """

    code: ClassVar[int] = 4

    @property
    def mask_bits(self) -> int:
        """One bit more than the numbers have: that of the sign."""
        return self.bits + 1


@final
@dataclass(frozen=True, slots=True)
class Range(MaskedComparison):
    """All that it takes to find the bits of any 64-bit numbers that should not be there, from bit `bits` at most on."""

    code: ClassVar[int] = 5

    @property
    def mask_bits(self) -> int:
        """All of them: numbers out of range may be any."""
        return 64


@final
class PlaneReader:
    """Reads a row of words as consecutive bit planes of `m` words."""

    __slots__ = ("_m", "_next", "_words")

    def __init__(self, words: U64, m: int) -> None:
        """Begin at the first word."""
        self._words, self._m, self._next = words, m, 0

    def take(self, *shape: int) -> U64:
        """Return the next planes as uint64[*shape, m], a view."""
        start, self._next = self._next, self._next + int(np.prod(shape)) * self._m
        return self._words[start : self._next].reshape(*shape, self._m)

    def rest(self) -> U64:
        """Return the words after the planes that were taken, a view."""
        return self._words[self._next :]


def decode(data: bytes) -> Correlation:
    """Return the correlation that these bytes name.

    Raises:
        WireError: no encoder of ours produces them.
    """
    code, bits, additive, n = _SPEC.unpack(data)
    try:
        comparison = _MASKED.get(code)
        found: Correlation = _PLAIN[code](n) if comparison is None else comparison(n, bits, bool(additive))
    except (KeyError, ParameterError) as err:
        raise WireError(f"no correlation has the code {code} with {n} elements") from err
    if found.encode() != data:
        raise WireError("a correlation is named in another form than ours")
    return found


_PLAIN: Final[dict[int, type[Correlation]]] = {kind.code: kind for kind in (Triple, AndTriple, SharedBit, Blinding)}
_MASKED: Final[dict[int, type[MaskedComparison]]] = {kind.code: kind for kind in (Comparison, Range)}


def _sum(shares: Sequence[U64]) -> U64:
    out = shares[0].copy()
    for share in shares[1:]:
        out += share
    return out


def _xor(shares: Sequence[U64]) -> U64:
    out = shares[0].copy()
    for share in shares[1:]:
        out ^= share
    return out
