"""An institution's part of an amortised posterior: practise on simulations, then embed its own series."""

import hashlib
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt

from client_sdk.amortisation.encoder import Encoder, Pass
from client_sdk.amortisation.features import Reference, features
from client_sdk.likelihood.institution import check_shares
from client_sdk.likelihood.observation import Observation
from client_sdk.likelihood.series import Series
from protocols.errors import ParameterError, RoundClosed

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
FURTHEST: Final = 50.0  # a published log stays below it


@final
@dataclass(frozen=True, slots=True, eq=False)
class Exercise:
    """What the centre publishes for a round of training; all of it is simulated.

    Attributes:
        round: which.
        weights: float64[d], of the encoder, the same for all institutions.
        log_expected: float64[M, B, W], of M simulations.
        told: int64[M], how many periods of each have passed so far.
    """

    round: int
    weights: F64
    log_expected: F64
    told: I64


@final
@dataclass(frozen=True, slots=True)
class Imperfect:
    """How a simulated institution falls silent, so that the posterior learns what silence means.

    Attributes:
        missing: probability that a period is missing.
        absent: probability that an institution does not take part at all.
        hidden: values between these two, both of them among them, are censored; None where none is.
    """

    missing: float = 0.02
    absent: float = 0.05
    hidden: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Check."""
        if not (0 <= self.missing < 1 and 0 <= self.absent < 1):
            raise ParameterError(f"got probabilities {self.missing} and {self.absent}; both must lie in [0, 1)")
        if self.hidden is not None and not self.hidden[0] < self.hidden[1]:
            raise ParameterError(f"got hidden values from {self.hidden[0]} to {self.hidden[1]}; give the smaller first")


@final
@dataclass(slots=True)
class Learner:
    """An institution that trains an encoder with others.

    Attributes:
        series: its own, W periods; training does not touch it.
        share: float64[B], prior median of the share of each place that is seen here. Private.
        observation: by which law the own series follows what is expected, and priors of what is private.
        reference: public scale of series.
        encoder: shape of the network.
        key: of its simulation draws; 32 bytes.
        imperfect: what simulated series leave out.

    What it tells is its embedding once for each place, in the proportion in which the place is seen here: the sum then
    holds, for each place, the institutions that serve it.

    Security: nothing leaves but what `practise`, `correct` and `tell` return, which the caller encodes and shares. All
        weights are the centre's choice: one that deviates can choose weights that silence the others, and a sum of one
        is no secret. Against that helps noise alone. Where one institution sees most of a place, the place's part of
        the sum is mostly its own.
    """

    series: Series = field(repr=False)
    share: F64 = field(repr=False)
    observation: Observation
    reference: Reference = field(repr=False)
    encoder: Encoder
    key: bytes = field(repr=False)
    imperfect: Imperfect = Imperfect()
    _passed: tuple[int, F64, Pass, F64] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Check that all parts are of one size."""
        check_shares(self.share)
        if self.share.shape != (self.reference.places,):
            raise ParameterError(
                f"got shares of {self.share.size} places; give one for each of {self.reference.places}"
            )
        if self.series.periods > self.reference.periods:
            raise ParameterError(
                f"got {self.series.periods} periods; the encoder reads {self.reference.periods} at most"
            )
        if self.encoder.features != self.reference.features:
            raise ParameterError(f"the encoder reads {self.encoder.features} features, not {self.reference.features}")

    def practise(self, exercise: Exercise) -> F64:
        """Draw own series of simulations, and embed them.

        Returns:
            float64[M, B E + 1]; the last entry is 1 where this institution takes part, and a row is 0 where not.

        Raises:
            ParameterError: what was published has another shape, or is not finite.
        """
        self._check(exercise)
        rng = self._generator(exercise.round)
        present = (rng.random(exercise.told.size) >= self.imperfect.absent).astype(np.float64)
        read = features(*self._simulated(exercise.log_expected, rng), exercise.told, self.share, self.reference)
        passed = self.encoder.embed(exercise.weights, read)
        self._passed = exercise.round, exercise.weights, passed, present
        return self._placed(passed.embedding) * present[:, None]

    def correct(self, round_: int, by_sum: F64) -> F64:
        """Return the derivative of the loss by the encoder's weights, float64[d], from that by the opened sum.

        Raises:
            RoundClosed: this institution did not practise in that round.
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

    def tell(self, weights: F64, periods: int) -> F64:
        """Embed the own series so far.

        Args:
            weights: float64[d], trained.
            periods: how many of them; at most those that are here.

        Returns:
            float64[1, B E + 1]; the last entry is 1.
        """
        self.encoder.check(weights)
        series = np.full((1, self.reference.periods), np.nan)
        censored = np.zeros(series.shape, dtype=np.bool_)
        series[0, : self.series.periods] = self.series.guess
        censored[0, : self.series.periods] = self.series.censored
        read = features(series, censored, np.array([periods]), self.share, self.reference)
        return self._placed(self.encoder.embed(weights, read).embedding)

    @property
    def width(self) -> int:
        """Length of what is told of a simulation: B E + 1."""
        return self.share.size * self.encoder.embedding + 1

    @property
    def _place(self) -> F64:
        """Return float64[B]: how the places take part in this institution; they add up to 1."""
        return np.asarray(self.share / self.share.sum())

    def _placed(self, embedding: F64) -> F64:
        """Return float64[M, B E + 1]: an embedding for each place, in its proportion, and a one."""
        told = np.einsum("me,b->mbe", embedding, self._place).reshape(len(embedding), -1)
        return np.append(told, np.ones((len(told), 1)), axis=1)

    def _simulated(self, log_expected: F64, rng: np.random.Generator) -> tuple[F64, npt.NDArray[np.bool_]]:
        """Return series of this institution in simulations, float64[M, W], by the law of `SeriesInstitution`.

        Also bool[M, W]: where only bounds of a value would be known, and the middle of them stands for it.
        """
        simulations, places, _ = log_expected.shape
        law, prior = self.observation.likelihood_of(self.series), self.observation
        own = prior.size_sd * rng.standard_normal((simulations, 1))
        own = own + prior.share_sd * rng.standard_normal((simulations, places))
        spread = prior.median_spread * np.exp(prior.log_spread_sd * rng.standard_normal((simulations, 1)))
        mean = np.einsum("mb,mbw->mw", self.share * np.exp(own), np.exp(log_expected))
        values, hidden = law.draw(mean, spread, rng), self.imperfect.hidden
        censored = np.zeros(values.shape, dtype=np.bool_)
        if hidden is not None:
            censored = (values >= hidden[0]) & (values <= hidden[1])
            values[censored] = (hidden[0] + hidden[1]) / 2
        values[rng.random(values.shape) < self.imperfect.missing] = np.nan
        return values, censored

    def _generator(self, round_: int) -> np.random.Generator:
        seed = hashlib.blake2b(
            round_.to_bytes(8, "big"), key=self.key, digest_size=16, person=b"lpm amortised"
        ).digest()
        return np.random.Generator(np.random.Philox(int.from_bytes(seed, "big")))

    def _check(self, exercise: Exercise) -> None:
        self.encoder.check(exercise.weights)
        log_x, told, periods = exercise.log_expected, exercise.told, self.reference.periods
        if log_x.shape != (told.size, self.reference.places, periods) or not (np.abs(log_x) < FURTHEST).all():
            raise ParameterError(f"got simulations of shape {log_x.shape}; finite ones of all places are needed")
        if told.min(initial=1) < 1 or told.max(initial=1) > periods:
            raise ParameterError(f"a simulation has periods 1 to {told.max()} of {periods}; give 1 to {periods}")
