"""Scores in outcome mode at one aggregator: added up on shares, with two secure multiplications for each step."""

import dataclasses
import hashlib
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from aggregator.on_shares.backend import Calculator, JointBackend
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64, from_ring, to_ring
from protocols.errors import LpmError, ParameterError
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.factors.integer_score import HALF, UNIT
from protocols.models.likelihood.factors.level_factors import factors_of
from protocols.task.layout import WORD_BYTES, Layout
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase

LOG: Final = logging.getLogger("aggregator")
NAME_BYTES: Final = 32


@final
@dataclass(frozen=True, slots=True, eq=False)
class HiddenScore:
    """This aggregator's shares of the scores so far, by h common factors of levels.

    Attributes:
        chain: a digest of the names of all joint computations so far; shares of one chain fit together.
        total: uint64[h], of the scores.
        heard: uint64[n, h], of the hazards that came from other clients in the step before.
        there: uint64[n] of 0 and 1, whose client took part then; public.
    """

    chain: bytes = field(repr=False)
    total: U64 = field(repr=False)
    heard: U64 = field(repr=False)
    there: U64 = field(repr=False)

    def encode(self) -> bytes:
        """Return the bytes that a store keeps."""
        words = np.concatenate([self.total, self.heard.reshape(-1), self.there])
        return self.chain + words.tobytes()

    @classmethod
    def decode(cls, content: bytes, n: int, h: int = 1) -> "HiddenScore":
        """Read what `encode` wrote of n agents and h factors; a beginning from nothing."""
        if not content:
            content = bytes(NAME_BYTES + WORD_BYTES * (h + n * h + n))
        words = np.frombuffer(content[NAME_BYTES:], dtype=np.uint64)
        total, heard, there = np.split(words, [h, h + n * h])
        return cls(content[:NAME_BYTES], total, heard.reshape(n, h), there)


@final
class HiddenScores:
    """Adds up the scores of a run on shares, a step behind the run.

    In the round of step t + 1 clients share who escaped the hazard of step t and who crossed its threshold in it, and
    what they know themselves of these hazards. With those from others that gives, for all agents at once, who escaped
    and who crossed under which hazard. If a multiplication fails, the run goes on without its scores, and the engine is
    told.

    Security: this aggregator, if it follows the protocol, learns nothing unless all of them pool their shares, or one
        of them colludes with the dealer. One number of each factor is opened: the total over all agents and steps, when
        the run closes. If fewer than `min_cohort` clients took part in two rounds that follow each other, nothing is:
        the total could be one's own.
    """

    def __init__(
        self, model: GraphModel, plan: ReleasePlan, layout: Layout, backend: JointBackend, *, index: int, k: int
    ) -> None:
        """Prepare this aggregator's part, of k; `plan` is that of the run's releases, and names the factors.

        Raises:
            ParameterError: it has no gradient.
        """
        self._plan, self._layout, self._backend, self._index, self._k = plan, layout, backend, index, k
        if plan.gradient is None:
            raise ParameterError("the manifest asks for no gradient, and so for no score; name one in it")
        self._p, self._places = plan.gradient.p, plan.gradient.factors
        factors = factors_of(model, tuple(self._places))
        self._h = len(factors)
        self._by_channel = to_ring(np.stack([factor.coarse for factor in factors], axis=1))

    async def combine(
        self, number: RoundNumber, total: U64, members: Sequence[str], content: bytes
    ) -> tuple[U64, bytes]:
        """Take a round in.

        Args:
            number: of the round.
            total: uint64[d], this aggregator's share of the sum over clients.
            members: the clients that took part.
            content: of the hidden score before the round.

        Returns:
            The total, in the closing round with this aggregator's share of the score; the content after the round.
        """
        schedule, n = self._plan.schedule, self._layout.n
        hidden = HiddenScore.decode(content, n, self._h)
        if schedule.phase(number) != Phase.SPEAK:
            return total, hidden.encode()
        words = total[: n * self._layout.c].reshape(n, self._layout.c)
        here = np.zeros(n, dtype=np.uint64)
        for client in members:
            first, end = self._layout.own[client]
            here[first:end] = 1
        own, escaped, crossed = np.split(words[:, self._layout.channels :], 3, axis=1)
        both = (here * hidden.there)[:, None]
        if schedule.step(number) > 0 and not self._enough(members, hidden):
            LOG.warning("score is lost", extra={"facts": {"round": number, "why": "too few clients in both steps"}})
            hidden = _lost(hidden)
        elif schedule.step(number) > 0:
            z = (hidden.heard + own) * both
            hidden = await self._add_step(hidden, z, escaped * both, crossed * both, number)
        heard = words[:, : self._layout.channels] @ self._by_channel
        after = HiddenScore(hidden.chain, hidden.total, heard, here)
        last = schedule.step(number) == self._plan.steps
        return (self._closing_total(total, after) if last else total), after.encode()

    def _enough(self, members: Sequence[str], hidden: HiddenScore) -> bool:
        """Tell whether a step's score covers `min_cohort` clients: those that took part in it and in the one after."""
        firsts = (self._layout.own[client][0] for client in members if self._layout.size(client))
        return sum(int(hidden.there[first]) for first in firsts) >= self._plan.cohort.least

    async def _add_step(
        self, hidden: HiddenScore, z: U64, escaped: U64, crossed: U64, number: RoundNumber
    ) -> HiddenScore:
        """Return the hidden score with one step's: sum of crossed (UNIT - HALF z + z^2) - 2 HALF escaped z."""

        def program(calculator: Calculator) -> tuple[bytes, U64]:
            hazards, masks = from_ring(z.reshape(-1)), np.concatenate([crossed.reshape(-1), escaped.reshape(-1)])
            by_crossed, by_escaped = np.split(calculator.multiply(from_ring(masks), np.tile(hazards, 2)), 2)
            square = to_ring(calculator.multiply(by_crossed, hazards))
            linear = crossed.reshape(-1) * np.uint64(UNIT) - to_ring(by_crossed) * np.uint64(HALF)
            return calculator.name, linear + square - to_ring(by_escaped) * np.uint64(2 * HALF)

        try:
            name, each = await self._backend.compute(program, kind=b"SCORE", round_number=number)
        except LpmError as error:
            LOG.warning("score is lost", extra={"facts": {"round": number, "why": str(error)}})
            return _lost(hidden)
        chain = hashlib.sha256(hidden.chain + name).digest()
        added = each.reshape(-1, self._h).sum(axis=0, dtype=np.uint64)
        return dataclasses.replace(hidden, chain=chain, total=hidden.total + added)

    def _closing_total(self, total: U64, hidden: HiddenScore) -> U64:
        """Return the closing total with the scores, and beside them a word that is 0 where all chains are the same."""
        out = total.copy()
        scores = out[out.size - self._p - 1 :]
        scores[list(self._places.values())] += hidden.total
        mark = np.frombuffer(hidden.chain[:8], dtype=np.uint64)
        scores[self._p :] += mark * np.uint64(self._k - 1) if self._index == 0 else np.uint64(0) - mark
        return out


def _lost(hidden: HiddenScore) -> HiddenScore:
    """Return a score whose shares fit no other's: the engine is told so, and what is opened is noise."""
    total = np.frombuffer(secrets.token_bytes(WORD_BYTES * hidden.total.size), dtype=np.uint64)
    return dataclasses.replace(hidden, chain=secrets.token_bytes(NAME_BYTES), total=total)
