"""A hospital's part of a conditional posterior: practise on simulated epidemics, then embed its own series."""

import hashlib
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt

from client_sdk.amortisation.encoder import Encoder, Pass
from client_sdk.amortisation.features import Reference, features
from client_sdk.likelihood.counts import CENSORED, HIDDEN_COUNTS, LARGEST, Counts
from client_sdk.likelihood.institution import DISPERSION, DISPERSION_SD, SCALE_SD, SHARE_SD
from protocols.errors import ParameterError, RoundClosed

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
FURTHEST: Final = 50.0  # a published log of inpatients stays below it


@final
@dataclass(frozen=True, slots=True, eq=False)
class Exercise:
    """What the centre publishes for a round of training; all of it is simulated.

    Attributes:
        round: which.
        weights: float64[d], of the encoder, the same for all hospitals.
        log_inpatients: float64[M, B, W], of M epidemics.
        told: int64[M], how many weeks of each have passed so far.
    """

    round: int
    weights: F64
    log_inpatients: F64
    told: I64


@final
@dataclass(frozen=True, slots=True)
class Imperfect:
    """How often a simulated hospital falls silent, so that the posterior learns what silence means.

    Attributes:
        missing: probability that a week is missing.
        absent: probability that a hospital does not take part at all.
    """

    missing: float = 0.02
    absent: float = 0.05

    def __post_init__(self) -> None:
        """Check."""
        if not (0 <= self.missing < 1 and 0 <= self.absent < 1):
            raise ParameterError(f"got probabilities {self.missing} and {self.absent}; both must lie in [0, 1)")


@final
@dataclass(slots=True)
class Learner:
    """A hospital that trains an encoder with others.

    Attributes:
        counts: its own series, W weeks; training does not touch it.
        share: float64[B], prior median of the share of each borough's inpatients that lie here. Private.
        reference: public scale of series.
        encoder: shape of the network.
        key: of its simulation draws; 32 bytes.
        imperfect: how often simulated weeks are missing.

    What it tells is its embedding once for each borough, in the proportion in which the borough's people come here: the
    sum then holds, for each borough, the hospitals that serve it.

    Security: nothing leaves but what `practise`, `correct` and `tell` return, which the caller encodes and shares. All
        hospitals' weights are the centre's choice: one that deviates can choose weights that silence the others, and
        a sum of one is no secret. Against that helps noise alone. Where one hospital has most of a borough's patients,
        the borough's part of the sum is mostly its own.
    """

    counts: Counts = field(repr=False)
    share: F64 = field(repr=False)
    reference: Reference = field(repr=False)
    encoder: Encoder
    key: bytes = field(repr=False)
    imperfect: Imperfect = Imperfect()
    _passed: tuple[int, F64, Pass, F64] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Check that all parts are of one size."""
        if self.share.shape != (self.reference.boroughs,) or not (np.isfinite(self.share) & (self.share > 0)).all():
            raise ParameterError(f"got catchment shares for {self.share.size} boroughs; give a positive one for each")
        if self.counts.weeks > self.reference.weeks:
            raise ParameterError(f"got {self.counts.weeks} weeks; the encoder reads {self.reference.weeks} at most")
        if self.encoder.features != self.reference.features:
            raise ParameterError(f"the encoder reads {self.encoder.features} features, not {self.reference.features}")

    def practise(self, exercise: Exercise) -> F64:
        """Draw own counts of simulated epidemics, and embed them.

        Returns:
            float64[M, B E + 1]; the last entry is 1 where this hospital takes part, and a row is 0 where it does not.

        Raises:
            ParameterError: what was published has another shape, or is not finite.
        """
        self._check(exercise)
        rng = self._generator(exercise.round)
        present = (rng.random(exercise.told.size) >= self.imperfect.absent).astype(np.float64)
        read = features(self._counts(exercise.log_inpatients, rng), exercise.told, self.share, self.reference)
        passed = self.encoder.embed(exercise.weights, read)
        self._passed = exercise.round, exercise.weights, passed, present
        return self._placed(passed.embedding) * present[:, None]

    def correct(self, round_: int, by_sum: F64) -> F64:
        """Return the derivative of the loss by the encoder's weights, float64[d], from that by the opened sum.

        Raises:
            RoundClosed: this hospital did not practise in that round.
            ParameterError: the derivative has another shape, or is not finite.
        """
        if self._passed is None or self._passed[0] != round_:
            raise RoundClosed(f"there is nothing to correct in round {round_}; practise in it first")
        _, weights, passed, present = self._passed
        if by_sum.shape != (present.size, self.width) or not np.isfinite(by_sum).all():
            raise ParameterError(f"got derivatives of shape {by_sum.shape}; one for each number of the sum is needed")
        self._passed = None
        by_place = by_sum[:, :-1].reshape(present.size, self.share.size, self.encoder.embedding)
        by_embedding = np.einsum("mbe,b->me", by_place, self._place)
        return self.encoder.back(weights, passed, by_embedding * present[:, None])

    def tell(self, weights: F64, weeks: int) -> F64:
        """Embed the own series so far.

        Args:
            weights: float64[d], trained.
            weeks: how many of them; at most those that are here.

        Returns:
            float64[1, B E + 1]; the last entry is 1.
        """
        self.encoder.check(weights)
        series = np.full((1, self.reference.weeks), np.nan)
        series[0, : self.counts.weeks] = self.counts.series
        read = features(series, np.array([weeks]), self.share, self.reference)
        return self._placed(self.encoder.embed(weights, read).embedding)

    @property
    def width(self) -> int:
        """Length of what is told of an epidemic: B E + 1."""
        return self.share.size * self.encoder.embedding + 1

    @property
    def _place(self) -> F64:
        """Return float64[B]: how the boroughs take part in this hospital; they add up to 1."""
        return np.asarray(self.share / self.share.sum())

    def _placed(self, embedding: F64) -> F64:
        """Return float64[M, B E + 1]: an embedding for each borough, in its proportion, and a one."""
        told = np.einsum("me,b->mbe", embedding, self._place).reshape(len(embedding), -1)
        return np.append(told, np.ones((len(told), 1)), axis=1)

    def _counts(self, log_inpatients: F64, rng: np.random.Generator) -> F64:
        """Return float64[M, W]: counts of this hospital in simulated epidemics, by the law of `Hospital`."""
        epidemics, boroughs, weeks = log_inpatients.shape
        own = SCALE_SD * rng.standard_normal((epidemics, 1)) + SHARE_SD * rng.standard_normal((epidemics, boroughs))
        r = DISPERSION * np.exp(DISPERSION_SD * rng.standard_normal((epidemics, 1)))
        mean = np.einsum("mb,mbw->mw", self.share * np.exp(own), np.exp(log_inpatients))
        counts = rng.poisson(np.minimum(rng.gamma(r, mean / r), LARGEST)).astype(np.float64)
        counts[np.isin(counts, HIDDEN_COUNTS)] = CENSORED
        counts[rng.random((epidemics, weeks)) < self.imperfect.missing] = np.nan
        return counts

    def _generator(self, round_: int) -> np.random.Generator:
        seed = hashlib.blake2b(
            round_.to_bytes(8, "big"), key=self.key, digest_size=16, person=b"lpm amortised"
        ).digest()
        return np.random.Generator(np.random.Philox(int.from_bytes(seed, "big")))

    def _check(self, exercise: Exercise) -> None:
        self.encoder.check(exercise.weights)
        log_x, told, weeks = exercise.log_inpatients, exercise.told, self.reference.weeks
        if log_x.shape != (told.size, self.reference.boroughs, weeks) or not (np.abs(log_x) < FURTHEST).all():
            raise ParameterError(f"got epidemics of shape {log_x.shape}; finite ones of all boroughs are needed")
        if told.min(initial=1) < 1 or told.max(initial=1) > weeks:
            raise ParameterError(f"an epidemic has weeks 1 to {told.max()} of {weeks}; give 1 to {weeks}")
