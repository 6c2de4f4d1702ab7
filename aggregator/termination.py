"""The end of a run at one aggregator: written down before anybody is told, and for good."""

import contextlib
from collections.abc import Iterator
from typing import final

from aggregator.release.ledger import Ledger
from aggregator.rounds.round import Round
from aggregator.store import RunEnd, Store
from protocols.arithmetic.counters import RoundNumber
from protocols.errors import LpmError, RecordsDiffer, RunEnded, error_of
from protocols.identity.trust import Trust


@final
class Ending:
    """Whether a run is over for good here, and why.

    Security: after an end nothing of the run is computed or told, whoever asks, a restarted process included. All that
        call get the same error.
    """

    def __init__(self, run: bytes, store: Store, ledger: Ledger | None, *, trust: Trust | None) -> None:
        """Go on from what the store kept; what a crash kept out of the ledger is written there now."""
        self._run, self._store, self._ledger, self._trust = run, store, ledger, trust
        self._ended = store.run_end(run)
        self._write()

    def check(self, stored: int, current: RoundNumber) -> None:
        """End the run where store and ledger are not of the same moment: a round that was told would close again.

        Args:
            stored: number of the last round that the store knows; -1 for none. The ledger, which is written first, may
                be one round ahead.
            current: the round that comes next.
        """
        if self._ledger is not None and self._ledger.number not in (stored, stored + 1):
            said = f"the last round of the ledger is {self._ledger.number}, and that of the store {stored}"
            self.take(current, RecordsDiffer(f"{said}: one of them was put back; the run is over"))

    def require_none(self) -> None:
        """Refuse to go on with a run that is over.

        Raises:
            RunEnded: it is.
        """
        if self._ended is not None:
            raise error_of(self._ended.code, self._ended.reason)

    def require_open(self, current: Round) -> None:
        """Refuse to go on with a run that is over; one whose time is over ends here, for all that wait for a round too.

        Raises:
            RunEnded: it is.
        """
        self.require_none()
        if self._trust is not None:
            with self.guard(current):
                self._trust.require_current()

    @contextlib.contextmanager
    def guard(self, current: Round) -> Iterator[None]:
        """End the run, for all that wait for a round too, where what is done in here raises an error that ends it.

        Raises:
            RunEnded: it does.
        """
        try:
            yield
        except RunEnded as error:
            current.fail(error)
            self.take(current.number, error)
            raise

    def take(self, number: RoundNumber, error: LpmError) -> None:
        """Write down why a round does not close; an error that ends the run ends it, the first one for good."""
        if isinstance(error, RunEnded) and self._ended is None:
            self._ended = RunEnd(number, error.code, str(error))
            self._store.save_end(self._run, self._ended)
        if self._ended is not None:
            self._write()
        elif self._ledger is not None and not error.retry:
            self._ledger.write_refusal(number, error.code, str(error))

    def _write(self) -> None:
        if self._ledger is not None and self._ended is not None:
            self._ledger.write_refusal(self._ended.number, self._ended.code, self._ended.reason)
