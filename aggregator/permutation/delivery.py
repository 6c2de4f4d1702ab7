"""What an aggregator does with devices' slots: it keeps their tokens, and has three servers deliver what they say."""

import hashlib
from collections.abc import Collection
from typing import Protocol, final

import numpy as np

from aggregator.permutation.server import TokensOf
from aggregator.permutation.setup import Tokens
from aggregator.store import RoundClosure, Store
from protocols.arithmetic.fixed_point import U64
from protocols.errors import CohortTooSmall, ProtocolError
from protocols.quantity import quantity
from protocols.task.devices import LISTS, TOKEN_WORDS
from protocols.task.layout import Layout
from protocols.task.rounds import Phase


class Permuter(Protocol):
    """This aggregator's place among the three servers."""

    def permute(self, x: U64, *, step: int, tokens: TokensOf) -> tuple[bytes, U64]:
        """Return the name of the joint operation, and uint64[n * c], this aggregator's share of the exposures."""


@final
class Delivery:
    """Delivers messages between devices, in a run over permuted edges.

    A session of the three servers may end at any time: from the tokens that this keeps, the next one sets up the same
    map anew, under other stage permutations.
    """

    def __init__(self, layout: Layout, run: bytes, store: Store, permuter: Permuter, *, period: int) -> None:
        """Go on with the tokens that the store kept."""
        self._layout, self._period = layout, period
        self._run, self._store, self._permuter = run, store, permuter
        self._token_shares = store.tokens(run)  # read here, for the computation has a thread of its own

    def keep(self, tokens: U64) -> None:
        """Keep this aggregator's shares of all tokens, uint64[n * words of each]."""
        self._token_shares = tokens.tobytes()
        self._store.save_tokens(self._run, self._token_shares)

    def deliver(self, total: U64, *, step: int, name: bytes) -> tuple[bytes, U64]:
        """Have the slots delivered.

        Args:
            total: uint64, this aggregator's share of all out-slots, and of what is added up beside them.
            step: of the run.
            name: of the joint computation that this is a part of.

        Returns:
            A name for both, and uint64[n * c], this aggregator's share of the exposures.
        """
        operation, exposures = self._permuter.permute(total[: self._slots], step=step, tokens=self._tokens)
        return hashlib.sha256(name + operation).digest(), exposures

    def replace_slots(self, words: U64, total: U64) -> tuple[U64, U64]:
        """Return the total with exposures, the first of the words, in place of slots, and the rest of the words."""
        exposures, rest = np.split(words, [self._layout.n * self._layout.c])
        return np.concatenate([exposures, total[self._slots :]]), rest

    @property
    def _slots(self) -> int:
        return self._layout.n * self._layout.each(Phase.SPEAK)

    def _tokens(self, day: int) -> Tokens:
        if self._token_shares is None:
            raise ProtocolError("this aggregator has no tokens of this run; its store was lost, so the run ends")
        shape = (self._layout.n, self._period, LISTS, self._layout.degree * TOKEN_WORDS)
        words = np.frombuffer(self._token_shares, dtype=np.uint64).reshape(shape)[:, day]
        out, into = (np.ascontiguousarray(words[:, which]).reshape(-1) for which in range(LISTS))
        return Tokens(out, into)


def require_all_tokens(phase: Phase, agreed: Collection[str], last: RoundClosure | None) -> None:
    """Refuse to set up a permutation if a client whose contacts have prepared for it gave no tokens.

    Nothing is opened then: the tokens that its contacts made for it would stand alone, and tell who they are.

    Raises:
        CohortTooSmall: a client of the round before is missing.
    """
    missing = set(last.members if last else ()) - set(agreed) if phase == Phase.TOKENS else set()
    if missing:
        raise CohortTooSmall(
            f"{quantity(len(missing), 'client')} left before their contacts were set up, and their contacts would "
            "show; the members of this round are decided, so the run ends: start it again"
        )
