"""A mailbox: letters that clients of a run leave for each other before they join, each once."""

import datetime
from dataclasses import dataclass
from typing import final

from aggregator.store import Store
from protocols.errors import ConflictingReplay, NotEnrolled
from protocols.wire.messages import Letter, LetterReply


@final
@dataclass(frozen=True, slots=True)
class Mailbox:
    """Letters of one run at one aggregator, which removes them when it starts or stops after the run.

    Attributes:
        run: its id.
        clients: of the run, who alone have letters.
        rounds: of the run; with the last one it is over, or with the time for which its manifest is valid.
        not_after: the end of that time.

    Security: the aggregator sees who writes to whom, when, and how many bytes; the two clients seal what it says.
    """

    run: bytes
    clients: frozenset[str]
    rounds: int
    not_after: datetime.datetime
    store: Store

    def answer(self, caller: str, letter: Letter) -> LetterReply:
        """Take a letter in, where there is one, and hand out one of those that the caller wants.

        Raises:
            NotEnrolled: the caller, or for whom the letter is, is no client of the run.
            ConflictingReplay: the caller has left another one of this number there.
        """
        for name in (caller, *([letter.to] if letter.to else []), *letter.wanted):
            if name not in self.clients:
                raise NotEnrolled(f"the manifest lists no client {name}; ask the run's operator to enrol it")
        if letter.to:
            first = self.store.save_letter(self.run, caller, letter.to, letter.number, letter.content)
            if first != letter.content:
                raise ConflictingReplay(
                    f"{caller} has compared another list of contacts in this run; after a change of its files its "
                    "operator asks for a new manifest"
                )
        waiting = self.store.letter(self.run, letter.wanted, caller, letter.number) if letter.wanted else None
        return LetterReply() if waiting is None else LetterReply(*waiting)

    def clear(self, number: int) -> None:
        """Remove all letters of a run that is over; of one that is not, a client may need them yet.

        Args:
            number: of the last round that was told; -1 for none.
        """
        if number >= self.rounds - 1 or self.not_after <= _now():
            self.store.remove_letters(self.run)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
