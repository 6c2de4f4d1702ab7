"""What a run may open to all: each release by name, with its mechanism and what it may cost.

tally      agents in each stage, step by step; exact only
incidence  agents that left the first stage since the step before; one event for each agent in a run
running    those that have left it by now, with the noise of the square root; instead of incidence
cells      what agents say to their cells, step by step; it feeds back into the simulation
score      of a run with scores: its p words, once, when the run closes
sum        of a secure sum: in every round the sum over institutions
"""

import math
from collections.abc import Mapping
from typing import Annotated, Final, Literal, final

import msgspec

from protocols.errors import BudgetSpent, ParameterError
from protocols.releases.mechanism import DiscreteGaussian

NOISE: Final = "discrete-gaussian"
SERIES: Final = ("incidence", "running")
SCORE: Final = "score"
SUM: Final = "sum"
Fraction = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Real = Annotated[float, msgspec.Meta(ge=0, le=2.0**56)]
Norm = Annotated[float, msgspec.Meta(gt=0, le=2**40)]
Count = Annotated[int, msgspec.Meta(ge=1, le=2**20)]


@final
class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that is opened: in every step, or the score when the run closes.

    Attributes:
        mechanism: "exact" adds no noise, and promises `min_cohort` alone.
        sigma: of the discrete Gaussian that every aggregator adds in full; of one event for running totals. For the
            score, and beside tangents, in units of what one agent can change of each word: see `sensitivity` and
            `norms`. For a secure sum, in units of the norm that one institution can add.
        sensitivity: by how much a unit of privacy changes each number that it changes.
        times: how many of a run's numbers a unit of privacy changes, at most; for the score its p words.
        norms: beside tangents, the largest Euclidean norm of all that an agent adds to the release in a run: of its
            values, and of its derivatives by each parameter; `times` is then 1 + p.
        unit: "contribution": what one agent adds to this series. Flipping an agent's first state changes the whole
            later run, which this noise does not hide.
        epsilon, delta: what the whole series costs at most.
    """

    name: Literal["tally", "incidence", "running", "cells", "score", "sum"]
    mechanism: Literal["exact", "discrete-gaussian"] = "exact"
    sigma: Real = 0.0
    sensitivity: Count = 1
    times: Count = 1
    norms: tuple[Norm, Norm] | msgspec.UnsetType = msgspec.UNSET  # unset, it is not encoded
    unit: Literal["none", "contribution"] = "none"
    epsilon: Real = 0.0
    delta: Fraction = 0.0

    def __post_init__(self) -> None:
        """Check what needs no manifest."""
        noised = self.mechanism == NOISE
        if noised != (self.unit == "contribution") or noised != (self.sigma > 0) or noised != (self.epsilon > 0):
            raise ParameterError(
                f"the release {self.name} is {self.mechanism}: noise needs a sigma, an epsilon and the unit "
                "contribution, and an exact release has none of them"
            )
        if noised and self.name == "tally":
            raise ParameterError("the tally is opened exact or not at all; for noise, release incidence or running")
        if noised:
            DiscreteGaussian(self.sigma)

    def rho(self, made: int, *, copies: int = 1) -> float:
        """Return the cost of `made` steps of this release in each of so many replicates, in zero-concentrated privacy.

        Source: Canonne, Kamath, Steinke 2020 (arXiv 2004.00010), concentrated privacy of the multivariate law.
        """
        if self.mechanism != NOISE or made == 0:
            return 0.0
        if self.name == SCORE:
            numbers = made * self.times
        elif self.norms is not msgspec.UNSET:  # an agent may change all that it ever does in one step
            numbers = self.times
        else:
            numbers = min(made, self.times)
        return copies * numbers * self.sensitivity**2 / (2 * self.sigma**2)


@final
class Releases(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that a run may open.

    Attributes:
        each: the releases; what is not named stays closed.
        rho: the budget of all together; before a step would go beyond it, the run stops.
    """

    each: tuple[Release, ...]
    rho: Real = 0.0

    def __post_init__(self) -> None:
        """Check that names do not contradict each other."""
        names = [release.name for release in self.each]
        if len(set(names)) != len(names):
            raise ParameterError(f"got the releases {', '.join(names)}; name each once")
        if len({"tally", *SERIES} & set(names)) > 1:
            raise ParameterError("tally, incidence and running tell the same; name one of them")

    @property
    def has_noise(self) -> bool:
        """Whether any release has noise."""
        return any(release.mechanism == NOISE for release in self.each)

    def of(self, name: str) -> Release | None:
        """Return the release of this name, if the run has it."""
        return next((release for release in self.each if release.name == name), None)

    def require(self, made: Mapping[str, int], *, copies: int = 1) -> float:
        """Return what is spent when each release has been made so often, in each of so many replicates.

        Raises:
            BudgetSpent: that is more than the budget.
        """
        spent = math.fsum(release.rho(made.get(release.name, 0), copies=copies) for release in self.each)
        total = self.of(SUM)
        if total is not None and total.mechanism == NOISE and made.get(SUM, 0) > total.times:
            raise BudgetSpent(f"the noise was made for {total.times} sums, and all are opened; the run stops here")
        if spent > self.rho * (1 + 1e-9):
            before = math.fsum(
                release.rho(max(made.get(release.name, 0) - 1, 0), copies=copies) for release in self.each
            )
            raise BudgetSpent(
                f"the next step would bring the releases to rho {spent:.6g} of {self.rho:.6g}; "
                f"{max(self.rho - before, 0.0):.6g} is left, too little for it, so the run stops here"
            )
        return spent
