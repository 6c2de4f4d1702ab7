"""How long a party waits for the others."""

from typing import Final, Protocol

from protocols.arithmetic.counters import Step

DEADLINES: Final = 3  # so often a round's deadline passes before those that came are told who did not


class Deadlines(Protocol):
    """How long aggregators wait for clients, as every manifest says."""

    @property
    def join_timeout_s(self) -> float:
        """Return how long in the first round."""

    @property
    def round_timeout_s(self) -> float:
        """Return how long in every later one."""


def patience_s(deadlines: Deadlines, step: Step) -> float:
    """Return how long a party waits for the answer to one call: three deadlines of the round, and 10 s."""
    return DEADLINES * (deadlines.join_timeout_s if step == 0 else deadlines.round_timeout_s) + 10.0
