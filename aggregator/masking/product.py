"""The product of a secret bit and a masked level, which neither aggregator can change unseen.

Levels that begin anew are such products; so are exposures times each bit of a private weight, with 1 - a in place of a.
Both aggregators know D = L + pad modulo 2**58 and E = a XOR A; the dealer knows pad and A. Wanted is
D' = (1 - a) L + pad' for a pad' that the dealer draws. E tells which of two c = 1 - a is, c_0 = 1 - A or c_1 = A:

    D' = c_E D + q_E        q_E = pad' - c_E pad        modulo 2**128

The dealer shares c_0, c_1, q_0 and q_1 additively between the aggregators, each share x with a tag K + Delta x, K and
Delta being the other's: a MAC, which the other checks. Shares of D' are linear in what was dealt, and so are tags and
keys. A share that differs below 2**58 passes with probability 2**-64 over Delta, whatever the secrets are; Delta is
fresh in each step.

Source: Bendlin, Damgard, Orlandi, Zakarias (Eurocrypt 2011), tags of pairs; Cramer, Damgard, Escudero, Scholl, Xing,
    SPDZ2k (Crypto 2018), section 3, the larger ring.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from protocols.arithmetic import wide_ring
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ResultsDiffer, WireError
from protocols.masking.messages import CountShare, LevelShare, from_bytes, view
from protocols.masking.words import residue

BIT: Final = 2  # choices of an index that is one bit


@final
@dataclass(frozen=True, slots=True, eq=False)
class ProductShare:
    """What one aggregator holds of the products of n agents.

    Attributes:
        shares: uint64[2, choices, n, 2], of each c, and of each q.
        tags: uint64[2, choices, n, 2], of its shares, under the other's keys.
        keys: uint64[2, choices, n, 2], K of the other's shares.
        delta: uint64[1], Delta of the other's shares.
    """

    shares: U64 = field(repr=False)
    tags: U64 = field(repr=False)
    keys: U64 = field(repr=False)
    delta: U64 = field(repr=False)

    def encode(self) -> tuple[memoryview, ...]:
        """Return what the dealer sends."""
        return tuple(map(view, (self.shares, self.tags, self.keys, self.delta)))

    @classmethod
    def decode(cls, parts: tuple[memoryview, ...], *, n: int, choices: int = BIT) -> "ProductShare":
        """Read what `encode` wrote.

        Raises:
            WireError: other sizes than those of n products.
        """
        shapes = (*3 * [(2, choices, n, 2)], (1,))
        if [len(part) for part in parts] != [8 * math.prod(shape) for shape in shapes]:
            raise WireError(f"got products of another size than those of {n} numbers")
        return cls(*(from_bytes(part).reshape(shape) for part, shape in zip(parts, shapes, strict=True)))

    def answer(self, masked: U64, index: U64) -> tuple[U64, U64]:
        """Return this aggregator's share of each D', and its tag, uint64[n, 2].

        Args:
            masked: uint64[n], D.
            index: uint64[n], E.
        """
        return _line(self.shares, masked, index), _line(self.tags, masked, index)

    def open(self, own: U64, message: LevelShare | CountShare, masked: U64, index: U64) -> U64:
        """Return D', uint64[n] modulo 2**58, from this aggregator's shares and what the other told.

        Raises:
            ResultsDiffer: a share is not what follows from what was dealt.
            WireError: the other told another number of shares.
        """
        told, tags = from_bytes(message.shares), from_bytes(message.tags)
        if told.size != own.size or tags.size != own.size:
            raise WireError(f"got {told.size} words of {len(own)} numbers; each has two, and a tag of two")
        told, tags = told.reshape(own.shape), tags.reshape(own.shape)
        expected = wide_ring.add(_line(self.keys, masked, index), wide_ring.scale(told, self.delta))
        if not np.array_equal(tags, expected):
            raise ResultsDiffer("the other aggregator opened a number that was not dealt; the run stops here")
        return residue(wide_ring.add(own, told)[:, 0])


def deal_products(
    factors: U64, pads: U64, opened: U64, *, draw: Callable[[int], U64]
) -> tuple[ProductShare, ProductShare]:
    """Return what each aggregator gets.

    Args:
        factors: uint64[choices, n], what each masked number is multiplied by where E is the place, c.
        pads: uint64[n], of the masked numbers.
        opened: uint64[n, 2], pad' of the products, modulo 2**128.
        draw: fresh words of the system's randomness.
    """
    whole = np.stack([wide_ring.widen(factors), wide_ring.subtract(opened[None], wide_ring.widen(factors * pads))])
    first = draw(whole.size).reshape(whole.shape)
    shares = (first, wide_ring.subtract(whole, first))
    keys = [draw(whole.size).reshape(whole.shape) for _ in shares]
    deltas = [draw(1) for _ in shares]
    one, other = (
        ProductShare(
            shares[party],
            wide_ring.add(keys[1 - party], wide_ring.scale(shares[party], deltas[1 - party])),
            keys[party],
            deltas[party],
        )
        for party in (0, 1)
    )
    return one, other


def _line(x: U64, masked: U64, index: U64) -> U64:
    """Return c_E D + q_E, of shares, tags or keys."""
    c, q = x[:, index.astype(np.int64), np.arange(index.size)]
    return wide_ring.add(wide_ring.scale(c, masked), q)
