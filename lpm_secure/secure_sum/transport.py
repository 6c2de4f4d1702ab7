"""The secure sum: each institution adds a vector of its own, and one integer sum is opened over the cohort."""

import abc
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.secure_sum.contribution import F64, Contribution
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError, ProtocolError
from protocols.quantity import quantity
from protocols.task.manifest import is_active
from protocols.task.secure_sum.range import SumRule
from protocols.task.secure_sum.spec import SecureSum

MOST_DISCARDED: Final = 3


class Reason(enum.StrEnum):
    """Why a client is in no part of a round's sum."""

    ABSENT = "it did not answer, or was in no pool that counted"
    GARBAGE = "its words were found to be out of range"
    UNSEALED = "its share does not open"


@final
@dataclass(frozen=True, slots=True, eq=False)
class OpenedSum:
    """What a round released.

    Attributes:
        total: int64[d], fixed point; zeros where no sum in range was opened.
        members: whom it is over; nobody where no sum in range was opened.
        left_out: the other clients of the manifest, and why.
    """

    total: I64 = field(repr=False)
    members: tuple[str, ...]
    left_out: Mapping[str, Reason]

    @property
    def refused(self) -> tuple[str, ...]:
        """Return those that sent what could not be used, rather than nothing."""
        return tuple(name for name, reason in self.left_out.items() if reason != Reason.ABSENT)


class SumTransport(abc.ABC):
    """Rounds of a run of sums: what is announced goes to all institutions, and the sum of their answers comes back.

    Subclasses are final, and differ in how shares travel: in this process, over gRPC between processes, or as
    messages of Flower. Two operators find out by group testing who sends garbage; with a dealer who does is named by
    its proof, and whoever keeps silent in a round is out for good.
    """

    @property
    @abc.abstractmethod
    def manifest(self) -> SecureSum:
        """Return the run's manifest."""

    @abc.abstractmethod
    def open(self, announced: F64) -> OpenedSum:
        """Play one round.

        Args:
            announced: in the shape of the manifest's vectors; public.

        Raises:
            ParameterError: another shape, or more rounds than the manifest has.
            CohortTooSmall: fewer institutions than promised answer.
            BudgetSpent: the manifest's noise was made for no further sum.
            ProtocolError: a party ended, or sums stay out of range.
        """

    def leave_out(self, names: tuple[str, ...]) -> None:  # noqa: B027 - what aggregators found out before is theirs
        """Ask these no more, which sent garbage before an interruption; aggregators that decide alone find out anew."""

    @property
    def contribution(self) -> Contribution:
        """Return what each institution may add: how vectors are encoded, and sums decoded."""
        return Contribution(self.manifest.norm, self.manifest.bits)


def words_of(announced: F64) -> I64:
    """Return what is announced as words of 8 bytes, int64[d]."""
    return np.frombuffer(np.ascontiguousarray(announced, dtype="<f8").tobytes(), dtype="<i8").astype(np.int64)


@final
@dataclass(slots=True)
class RoundCounter:
    """Counts the rounds of a run, and those, one after the other, whose sums were out of range."""

    manifest: SecureSum
    round: int = 0
    discarded: int = 0

    def require(self, announced: F64) -> None:
        """Check that a round can be played.

        Raises:
            ParameterError: an announcement of another shape, or more rounds than the manifest has.
        """
        if announced.shape != self.manifest.shape:
            raise ParameterError(f"got numbers of shape {announced.shape}; the run has {self.manifest.shape}")
        if self.round >= self.manifest.rounds:
            raise ParameterError(f"the run is over after {quantity(self.round, 'round')}; begin another one")

    def count(self, total: I64, members: tuple[str, ...], reasons: Mapping[str, Reason]) -> OpenedSum:
        """Count a round, and return what it released: nothing, if its sum is out of range.

        Args:
            total: int64[d], as the aggregators told it.
            members: whom it is over; nobody where none was opened.
            reasons: why others were left out; who is not named did not answer.

        Raises:
            ProtocolError: sums stay out of range.
        """
        self.round += 1
        proved = is_active(self.manifest)  # by each member, of its own vector
        if members and not proved and not SumRule.of(self.manifest).in_range(total, len(members)):
            self.discarded += 1
            members = ()
        elif members:
            self.discarded = 0
        if self.discarded == MOST_DISCARDED:
            raise ProtocolError(
                f"{self.discarded} sums one after the other are out of range: clients send garbage, and sums over "
                f"pools of {self.manifest.min_cohort} or more do not tell which; begin anew with fewer to a sum"
            )
        others = (each.name for each in self.manifest.clients if each.name not in members)
        left_out = {name: reasons.get(name, Reason.ABSENT) for name in others}
        return OpenedSum(total if members else np.zeros_like(total), members, left_out)
