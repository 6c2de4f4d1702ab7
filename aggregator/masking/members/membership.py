"""Who takes part in a masked run at an aggregator, who may come back to it, and by which seed."""

from collections.abc import Iterable
from typing import final

import msgspec
import numpy as np

from aggregator.masking.collection import seed_of
from aggregator.release.differencing import ReleasedCohorts
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.masking.messages import AttendanceNotice, ClientQuestion, SeedNotice, WordsNotice, to_bytes
from protocols.masking.plans.attendance import Attendance
from protocols.masking.plans.run_plan import RunPlan
from protocols.task.parties import ENGINE


@final
class RoundMembers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose words counted in a round, and what a client that comes back is told of it.

    Attributes:
        counters: of the seeds of all whose proofs were asked.
        counted: the hash of each message that counted, by client.
        refused: who left its ranges.
        public: the environment's numbers.
    """

    counters: dict[str, int]
    counted: dict[str, bytes]
    refused: tuple[str, ...]
    public: tuple[int, ...]


@final
class Membership:
    """Clients of one run, round after round; both aggregators know the same.

    Attributes:
        members: whose words counted in the last round.
        present: who may take part: it told its thresholds, where a round is for them, and has not left its ranges.
        attendance: the rounds in which each client's words counted.
        released: over whom releases were.

    Security: a client that was away comes back by a fresh seed alone, from the beginning of a step on: its words are
        masked by pads that nothing else is masked by, whatever was started twice, copied or put back.
    """

    def __init__(self, plan: RunPlan) -> None:
        """Wait for all."""
        self._plan = plan
        self.members = self.present = plan.names
        self.attendance = Attendance(plan)
        self._counters: dict[str, int] = {}
        self._counted: dict[tuple[str, int], bytes] = {}
        self._public: list[int] = []
        self.released = ReleasedCohorts(plan.release_plan)

    def may_send(self, message: SeedNotice | WordsNotice) -> bool:
        """Tell whether a client's message may count in the round that it names; seeds serve from a step's beginning."""
        kind_may = isinstance(message, WordsNotice) or self._takes_seeds(message.number)
        return kind_may and message.client in self.present

    def senders(self, number: RoundNumber) -> set[str]:
        """Return whose messages may count in a round, as offers name them."""
        seeds = map(seed_of, self.present if self._takes_seeds(number) else ())
        return {*self.present, *seeds, *([ENGINE] if self._plan.announces(number) else [])}

    def _takes_seeds(self, number: int) -> bool:
        return self._plan.takes_seeds(RoundNumber(number))

    def counts(self, words: WordsNotice, seed: SeedNotice | None) -> bool:
        """Tell whether words count that are masked by the seed of before, or by one that came in the same round."""
        if seed is not None and words.counter == seed.counter:
            return seed.counter > self._counters.get(words.client, 0)
        return words.client in self.members and words.counter == self._counters.get(words.client)

    def is_fresh(self, question: ClientQuestion) -> bool:
        """Tell whether the dealer has not been handed the seed yet that a client's words are masked by."""
        return question.counter > self._counters.get(question.client, 0)

    def take_seeds(self, questions: Iterable[ClientQuestion]) -> None:
        """Take in which seed each client has now; a lower one serves no more."""
        self._counters |= {each.client: each.counter for each in questions}

    def take(self, number: RoundNumber, taken: RoundMembers) -> None:
        """Take in whose words counted in a round, and in which message; who is out for good, and the public numbers."""
        self._counters |= taken.counters
        if self._plan.opens(number):
            self.released.add(taken.counted)
        self.members = tuple(taken.counted)
        self._counted |= {(client, number): digest for client, digest in taken.counted.items()}
        begins = number == FIRST_ROUND and not self._plan.opens(number)  # with what every later round needs
        stays = self.members if begins else self.present
        self.present = tuple(client for client in stays if client not in taken.refused)
        self.attendance.take(number, self.members)
        self._public += taken.public

    def has_counted(self, client: str, number: RoundNumber, digest: bytes) -> bool:
        """Tell whether a client's words counted in a round, and came in this message."""
        return self._counted.get((client, number)) == digest

    def notice(self, client: str, number: RoundNumber) -> AttendanceNotice | None:
        """Return what a client that comes back in a round is told of those before; None if it is out for good."""
        if client not in self.present or not self._takes_seeds(number):
            return None
        size = self._plan.manifest.schedule.step(number) * len(self._plan.layout.environment)
        public = to_bytes(np.array(self._public[:size], dtype=np.int64).view(np.uint64))
        counted = tuple((each, self._counted[client, each]) for each in self.attendance.rounds_of(client, number))
        return AttendanceNotice(run=self._plan.run, number=number, client=client, counted=counted, public=public)
