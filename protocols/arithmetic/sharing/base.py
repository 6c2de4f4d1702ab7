"""What every sharing does: split a vector for k aggregators, expand what need not travel, join."""

import abc

import numpy as np

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.errors import WrongLength


class Sharing(abc.ABC):
    """Splits vectors of Z_2^64 into k shares of which any k - 1 tell nothing.

    A client draws `keys()` once per run and hands key a to aggregator a alone. In each round it sends `split(...)`, one
    vector, to the last aggregator; the others `expand` their key. Sums of shares are shares of sums.
    """

    k: int

    @abc.abstractmethod
    def keys(self) -> tuple[bytes, ...]:
        """Draw the k - 1 keys of one client in one run from the operating system."""

    @abc.abstractmethod
    def split(self, x: U64, keys: tuple[bytes, ...], *, round_number: RoundNumber) -> U64:
        """Return the last aggregator's share of `x`, uint64[d].

        Security: a pair (keys, round number) masks one vector. Two vectors under one pair would show their difference.
        """

    @abc.abstractmethod
    def expand(self, key: bytes, *, round_number: RoundNumber, out: U64) -> None:
        """Add the share that `key` stands for to `out`, uint64[d], in place."""

    def join(self, shares: list[U64]) -> U64:
        """Return the vector that the shares of all aggregators add up to.

        Raises:
            WrongLength: not k shares, or not all of one length.
        """
        if len(shares) != self.k or len({share.size for share in shares}) != 1:
            lengths = [share.size for share in shares]
            raise WrongLength(f"got shares of lengths {lengths}: {self.k} shares of one length are needed")
        total = np.zeros_like(shares[0])
        for share in shares:
            total += share
        return total
