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
from protocols.errors import LpmError
from protocols.models import Stage
from protocols.models.seir.integer_score import HALF, SCALE, UNIT, coarse_beta
from protocols.task.gradients.hidden_score import is_hidden
from protocols.task.layout import WORD_BYTES, Layout
from protocols.task.manifest import Simulation
from protocols.task.rounds import Phase

LOG: Final = logging.getLogger("aggregator")
NAME_BYTES: Final = 32


@final
@dataclass(frozen=True, slots=True, eq=False)
class HiddenScore:
    """This aggregator's shares of the score so far.

    Attributes:
        chain: a digest of the names of all joint computations so far; shares of one chain fit together.
        total: uint64[1], of the score.
        heard: uint64[n], of the hazards that came from other clients in the step before.
        mask: uint64[n], of who was susceptible then.
        there: uint64[n] of 0 and 1, whose client took part then; public.
    """

    chain: bytes = field(repr=False)
    total: U64 = field(repr=False)
    heard: U64 = field(repr=False)
    mask: U64 = field(repr=False)
    there: U64 = field(repr=False)

    def encode(self) -> bytes:
        """Return the bytes that a store keeps."""
        words = np.concatenate([self.total, self.heard, self.mask, self.there])
        return self.chain + words.tobytes()

    @classmethod
    def decode(cls, content: bytes, n: int) -> "HiddenScore":
        """Read what `encode` wrote; a beginning from nothing."""
        if not content:
            content = bytes(NAME_BYTES + 8 * (1 + 3 * n))
        words = np.frombuffer(content[NAME_BYTES:], dtype=np.uint64)
        return cls(content[:NAME_BYTES], words[:1], words[1 : n + 1], words[n + 1 : 2 * n + 1], words[2 * n + 1 :])


@final
class HiddenScores:
    """Adds up the score of a run on shares, a step behind the run.

    In the round of step t + 1 clients share who is still susceptible, and what they know themselves of the hazards of
    step t. With last round's masks and the hazards from others that gives, for all agents at once, who escaped and who
    was infected under which hazard. If a multiplication fails, the run goes on without its score, and the engine is
    told.

    Security: this aggregator, if it follows the protocol, learns nothing unless all of them pool their shares, or one
        of them colludes with the dealer. One number is opened: the total over all agents and steps, when the run
        closes. If fewer than `min_cohort` clients took part in two rounds that follow each other, nothing is: the total
        could be one's own.
    """

    def __init__(self, manifest: Simulation, index: int, backend: JointBackend) -> None:
        """Prepare."""
        self._manifest, self._index, self._backend = manifest, index, backend
        model = manifest.model.require_seir("scores")
        self._layout, self._beta = Layout.of(manifest), to_ring(coarse_beta(model.beta, model.f))

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
        schedule, n = self._manifest.schedule, self._layout.n
        hidden = HiddenScore.decode(content, n)
        if schedule.phase(number) != Phase.SPEAK:
            return total, hidden.encode()
        words = total[: n * self._layout.c].reshape(n, self._layout.c)
        here = np.zeros(n, dtype=np.uint64)
        for client in members:
            first, end = self._layout.own[client]
            here[first:end] = 1
        mask, both = words[:, -1], here * hidden.there
        if schedule.step(number) > 0 and not self._enough(members, hidden):
            LOG.warning("score is lost", extra={"facts": {"round": number, "why": "too few clients in both steps"}})
            hidden = _lost(hidden)
        elif schedule.step(number) > 0:
            z = (hidden.heard + words[:, -2]) * both
            escaped = mask * both
            hidden = await self._add_step(hidden, z, escaped, hidden.mask * both - escaped, number)
        heard = (words[:, : self._layout.channels] * self._beta).sum(axis=1, dtype=np.uint64)
        after = HiddenScore(hidden.chain, hidden.total, heard, mask, here)
        last = schedule.step(number) == self._manifest.steps
        return (self._closing_total(total, after) if last else total), after.encode()

    def _enough(self, members: Sequence[str], hidden: HiddenScore) -> bool:
        """Tell whether a step's score covers `min_cohort` clients: those that took part in it and in the one after."""
        firsts = (self._layout.own[client][0] for client in members if self._layout.size(client))
        return sum(int(hidden.there[first]) for first in firsts) >= self._manifest.min_cohort

    async def _add_step(
        self, hidden: HiddenScore, z: U64, escaped: U64, infected: U64, number: RoundNumber
    ) -> HiddenScore:
        """Return the hidden score with one step's: sum of infected (UNIT - HALF z + z^2) - 2 HALF escaped z."""

        def program(calculator: Calculator) -> tuple[bytes, U64]:
            both = np.concatenate([infected, escaped])
            by_infected, by_escaped = np.split(calculator.multiply(from_ring(both), from_ring(np.tile(z, 2))), 2)
            square = to_ring(calculator.multiply(by_infected, from_ring(z)))
            linear = infected * np.uint64(UNIT) - to_ring(by_infected) * np.uint64(HALF)
            return calculator.name, linear + square - to_ring(by_escaped) * np.uint64(2 * HALF)

        try:
            name, each = await self._backend.compute(program, kind=b"SCORE", round_number=number)
        except LpmError as error:
            LOG.warning("score is lost", extra={"facts": {"round": number, "why": str(error)}})
            return _lost(hidden)
        chain = hashlib.sha256(hidden.chain + name).digest()
        return dataclasses.replace(hidden, chain=chain, total=hidden.total + each.sum(dtype=np.uint64, keepdims=True))

    def _closing_total(self, total: U64, hidden: HiddenScore) -> U64:
        """Return the closing total with the score, and beside it a word that is 0 where all chains are the same."""
        given, k = self._manifest.gradient, len(self._manifest.aggregators)
        at = self._layout.n * self._layout.c + self._layout.cells + len(Stage)
        out = total.copy()
        if given is not None:
            mark = np.frombuffer(hidden.chain[:8], dtype=np.uint64)
            score, check = at + given.parameters.index(SCALE), at + given.p
            out[score : score + 1] += hidden.total
            out[check : check + 1] += mark * np.uint64(k - 1) if self._index == 0 else np.uint64(0) - mark
        return out


def _lost(hidden: HiddenScore) -> HiddenScore:
    """Return a score whose shares fit no other's: the engine is told so, and what is opened is noise."""
    total = np.frombuffer(secrets.token_bytes(WORD_BYTES), dtype=np.uint64)
    return dataclasses.replace(hidden, chain=secrets.token_bytes(NAME_BYTES), total=total)


def score_backend_of(manifest: Simulation, index: int, backend: JointBackend | None) -> HiddenScores | None:
    """Return what adds up the score at this aggregator, where the manifest asks for it."""
    return (
        HiddenScores(manifest, index, backend)
        if backend is not None and is_hidden(manifest.gradient, manifest.mode)
        else None
    )
