"""Sums over institutions that an evaluation opens, each by a run of secure sums, and the count of all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.secure_sum.contribution import F64, Contribution
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from lpm_secure.secure_sum.transport import SumTransport
from protocols.errors import ParameterError, ProtocolError
from protocols.task.secure_sum.spec import SecureSum

CONTRIBUTION: Final = Contribution(clip=1e9, bits=16)  # of counts: what is larger is scaled down to it
Transport = Callable[[SecureSum, Mapping[str, "Respondent"]], SumTransport]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Respondent:
    """An institution that answers an origin with numbers of its own series up to it.

    Attributes:
        answer: what it adds at an origin, float64[d]; private.
        origins: that it answers to; any other round is sat out.
        length: d.

    Security: nothing leaves but the answer, which its client clips, encodes and shares.
    """

    answer: Callable[[int], F64] = field(repr=False)
    origins: frozenset[int]
    length: int

    @property
    def state(self) -> F64:
        """See `Institution`: it learns nothing."""
        return np.zeros(0)

    def resume(self, state: F64) -> None:
        """See `Institution`."""

    def require(self, shape: tuple[int, ...]) -> None:
        """See `Institution`."""
        if shape != (self.length,):
            raise ParameterError(f"got vectors of shape {shape}; an evaluation asks for ({self.length},)")

    def accepts(self, announced: F64) -> bool:
        """See `Institution`."""
        return bool((announced == announced[0]).all()) and float(announced[0]) in self.origins

    def vector(self, announced: F64) -> F64:
        """Return the answer to the origin that is announced."""
        return self.answer(int(announced[0]))


@final
@dataclass(slots=True, eq=False)
class SecureTotals:
    """Opens sums over all institutions, a run for each question and a round for each origin.

    Attributes:
        aggregators, min_cohort, active: of the runs' manifests; active security has a dealer.
        transport: that carries a run; in this process unless given.
        ledger: what was opened: a row for each question, with how often, and how many numbers.

    Security: sums are exact, so a question is one that may be asked of a sum over `min_cohort` institutions.
    """

    aggregators: int
    min_cohort: int
    active: bool = False
    transport: Transport = InProcessSum
    ledger: list[dict[str, str | int]] = field(init=False, default_factory=list)

    def open(
        self, question: str, answers: Mapping[str, Callable[[int], F64]], origins: Sequence[int], *, length: int
    ) -> dict[int, F64]:
        """Return the total at each origin, float64[length].

        Args:
            question: what is summed, in words.
            answers: by institution.
            origins: one or more.
            length: of an answer.

        Raises:
            ProtocolError: a sum was out of range and was thrown away; nothing may be learned from zeros in its place.
        """
        manifest = manifest_for(
            tuple(answers),
            (length,),
            [NOWHERE] * self.aggregators,
            contribution=CONTRIBUTION,
            name="evaluation",
            rounds=len(origins),
            min_cohort=self.min_cohort,
            dealer=NOWHERE if self.active else None,
        )
        asked = frozenset(origins)
        sums = self.transport(manifest, {name: Respondent(each, asked, length) for name, each in answers.items()})
        totals = {origin: sums.open(np.full(length, float(origin))) for origin in origins}
        if thrown := [origin for origin, each in totals.items() if not each.members]:
            raise ProtocolError(
                f"{question}: the sum at origin {thrown[0]} is out of range: an institution sends garbage, and so "
                "few do not tell which; take more of them, or a smaller federation.min_cohort"
            )
        row: dict[str, str | int] = {"question": question, "sums": len(origins), "numbers": length}
        self.ledger.append(row | {"institutions": min(len(each.members) for each in totals.values())})
        return {origin: CONTRIBUTION.decode(each.total) for origin, each in totals.items()}
