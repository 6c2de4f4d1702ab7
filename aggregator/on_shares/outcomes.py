"""Outcome mode at one aggregator: hazards and thresholds as shares, and one secure comparison per agent and step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from aggregator.on_shares.agreement import Agreement, ResultShare
from aggregator.on_shares.backend import Calculator, Program
from aggregator.on_shares.levels import Levels
from aggregator.on_shares.suppression import suppress
from aggregator.permutation.delivery import Delivery
from aggregator.rounds.vectors import Vectors
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64, U64, from_ring, to_ring
from protocols.releases.suppression import OFF, Suppression
from protocols.task.layout import Layout
from protocols.task.ranges import Ranges
from protocols.task.rounds import Phase, Schedule

NO_WORDS: Final = np.zeros(0, dtype=np.int64)


@final
@dataclass(frozen=True, slots=True, eq=False)
class RoundOutcome:
    """What a round comes to.

    Attributes:
        total: what clients and engine get their parts of.
        hidden: the hidden shares after the round.
    """

    total: U64 = field(repr=False)
    hidden: Levels


@final
class OutcomeRounds:
    """Checks shares, updates hidden ones round by round, and compares them.

    Every agent is compared in every step, whether it has crossed or not, so that sizes and timing show nothing.

    Security: this aggregator learns no hazard, no threshold and no bit, unless all aggregators pool their shares, or
        one of them colludes with the dealer. Of all clients together it learns whether they are within their ranges.
        Semi-honest: what an aggregator that lies can find out, docs/security/validity.md and the threat model say.
    """

    def __init__(
        self,
        layout: Layout,
        schedule: Schedule,
        joint: Agreement,
        *,
        ranges: Ranges | None,
        level_bound: int,
        rule: Suppression,
        delivery: Delivery | None = None,
    ) -> None:
        """Prepare.

        Args:
            layout: of the run's vectors.
            schedule: of its rounds.
            joint: settles them.
            ranges: of clients' words; None where clients are trusted with these.
            level_bound: a number that no agent's level of any outcome exceeds.
            rule: of small counts.
            delivery: for a run over permuted edges.
        """
        self._layout, self._schedule, self._joint, self._delivery = layout, schedule, joint, delivery
        self._outcomes, self._ranges, self._rule = layout.outcomes, ranges, rule
        # Ranges are powers of two, so that a hazard of clients that lie may be twice as large.
        self._bits = (level_bound + 1).bit_length() + (ranges is not None)

    async def result_name(self, number: RoundNumber) -> bytes:
        """Return the name of the joint computation that is kept for a round, or nothing; waits for one under way."""
        return await self._joint.result_name(number)

    async def combine(
        self, number: RoundNumber, vectors: Vectors, members: tuple[str, ...], hidden: Levels
    ) -> RoundOutcome:
        """Take a round in.

        Args:
            number: of the round.
            vectors: this aggregator's shares.
            members: the clients that took part.
            hidden: as it was before the round.

        Raises:
            RunEnded: a number is out of its range, or the aggregators cannot settle on one result.
        """
        phase = self._schedule.phase(number)
        total = vectors.total(members)
        result = ResultShare(b"", NO_WORDS)
        if self._settles(phase):
            kind = b" ".join([phase.name.encode(), *(member.encode() for member in members)])
            program = self._program(number, vectors, members, total=total, hidden=hidden)
            result = await self._joint.settle(number, program, kind=kind)
        words = to_ring(result.words)
        if self._delivery is not None and phase == Phase.TOKENS:
            self._delivery.keep(total)
        elif self._delivery is not None and phase == Phase.SPEAK:
            total, words = self._delivery.replace_slots(words, total)
        after = self._after(phase, total, members, hidden)
        if phase == Phase.DECIDE:
            total, level = np.split(words, [self._layout.n * len(self._outcomes)])
            if level.size:
                after = after.replace_levels(self._layout, members, level)
        elif self._suppresses(phase):
            total[self._layout.n * self._layout.c :] = words
        return RoundOutcome(total, after)

    def _suppresses(self, phase: Phase) -> bool:
        """Tell whether small counts are kept back in a round."""
        return phase == Phase.SPEAK and self._rule.min_count > OFF

    def _settles(self, phase: Phase) -> bool:
        """Tell whether a round needs a joint computation; tokens are random words, and have no range."""
        if phase == Phase.TOKENS:
            return False
        delivers = phase == Phase.SPEAK and self._delivery is not None
        return self._ranges is not None or phase == Phase.DECIDE or delivers or self._suppresses(phase)

    def _program(
        self, number: RoundNumber, vectors: Vectors, members: tuple[str, ...], *, total: U64, hidden: Levels
    ) -> Program[ResultShare]:
        """Return what all aggregators compute together in a round."""
        phase = self._schedule.phase(number)

        def program(calculator: Calculator) -> ResultShare:
            if self._out_of_range(calculator, number, vectors, members):
                return ResultShare(calculator.name, NO_WORDS, in_range=False)
            if phase == Phase.SPEAK:
                return self._deliver(calculator, number, total, members)
            if phase != Phase.DECIDE:
                return ResultShare(calculator.name, NO_WORDS)
            return ResultShare(calculator.name, self._decide(calculator, total, members, hidden))

        return program

    def _decide(self, calculator: Calculator, total: U64, members: Sequence[str], hidden: Levels) -> I64:
        """Return shares of every agent's outcomes, [n, o], and of levels, [o, n], where these took a multiplication."""
        after, level = self._after(Phase.DECIDE, total, members, hidden), hidden.level
        words = []
        if any(outcome.multiplies for outcome in self._outcomes):
            level = hidden.multiply(calculator, self._layout, total=total, members=members)
            words = [from_ring(level.reshape(-1))]
        answers = from_ring(level + after.own)
        rows = [row for row, outcome in enumerate(self._outcomes) if outcome.is_bit]
        if rows:
            h, tau = answers[rows].reshape(-1), from_ring(after.tau[rows].reshape(-1))
            answers[rows] = calculator.compare(h, tau, bits=self._bits).reshape(len(rows), -1)
        return np.concatenate([answers.T.reshape(-1), *words])

    def _deliver(self, calculator: Calculator, number: RoundNumber, total: U64, members: Sequence[str]) -> ResultShare:
        """Return what was said to devices, where these hide their contacts, and counts without the small ones."""
        name, words = calculator.name, [NO_WORDS]
        if self._delivery is not None:
            step = self._schedule.step(number)
            name, exposures = self._delivery.deliver(total, step=step, name=name)
            total, _ = self._delivery.replace_slots(exposures, total)
            words.append(from_ring(exposures))
        if self._suppresses(Phase.SPEAK):
            counts = from_ring(self._layout.release_of(total))
            agents = sum(self._layout.size(client) for client in members) // self._layout.copies
            each = counts.reshape(-1, self._layout.copies)
            cells = self._layout.cells // self._layout.copies
            words.append(suppress(calculator, self._rule, each, cells=cells, agents=agents).reshape(-1))
        return ResultShare(name, np.concatenate(words))

    def _out_of_range(
        self, calculator: Calculator, number: RoundNumber, vectors: Vectors, members: Sequence[str]
    ) -> bool:
        """Tell whether any client has a word out of its range; nothing more is opened."""
        if self._ranges is None:
            return False
        words: list[I64] = [
            self._ranges.words(calculator.public, vectors.of(client), client, number) for client in members
        ]
        bits = [self._ranges.bits(client, number) for client in members]
        return calculator.out_of_range(np.concatenate(words), np.concatenate(bits), self._joint.opening)

    def _after(self, phase: Phase, total: U64, members: Sequence[str], hidden: Levels) -> Levels:
        """Return the hidden shares after a round."""
        if phase == Phase.THRESHOLDS:
            return hidden.replace_thresholds(self._outcomes, total)
        if phase == Phase.TOKENS:
            return hidden
        if phase == Phase.SPEAK:
            n, c = self._layout.n, self._layout.channels
            words = total[: n * self._layout.c].reshape(n, self._layout.c)[:, :c]
            return hidden.add_exposure(self._outcomes, words)
        return hidden.replace_own(self._layout, total, members)
