"""An amortised posterior: trained over shares, as calibrated as it says, and of no series but by one sum."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np
import pytest
import torch
from scipy import optimize

from client_sdk.amortisation.features import features
from client_sdk.amortisation.learner import Exercise, Imperfect, Learner
from client_sdk.secure_sum.contribution import F64, Contribution, clip_norm
from lpm_secure.calibration.amortisation.cohort import BITS, Cohort, SecureCohort, Total
from lpm_secure.calibration.amortisation.posterior import AmortisedPosterior, Training
from protocols.arithmetic.fixed_point import from_ring
from protocols.errors import ParameterError
from tests.amortised_hospitals import CALIBRATED, COURSE, REFERENCE, SMALL, WEEKS, learners, series_of, trained


@final
@dataclass(frozen=True, slots=True, eq=False)
class PooledCohort(Cohort):
    """The oracle: all data in one place, sums in floating point, no protection."""

    learners: Mapping[str, Learner] = field(repr=False)
    clip: float = 10.0

    def practise(self, exercise: Exercise) -> Total:
        """Add up embeddings in the clear."""
        return self._sum([learner.practise(exercise) for learner in self.learners.values()])

    def correct(self, round_: int, by_sum: F64) -> Total:
        """Add up gradients in the clear."""
        return self._sum([clip_norm(each.correct(round_, by_sum), self.clip) for each in self.learners.values()])

    def tell(self, weights: F64, weeks: int) -> Total:
        """Add up embeddings in the clear."""
        return self._sum([learner.tell(weights, weeks) for learner in self.learners.values()])

    def _sum(self, parts: list[F64]) -> Total:
        total = np.zeros_like(parts[0])
        for part in parts:
            total += part
        return Total(total, tuple(self.learners))


def test_federated_training_is_the_pooled_one_up_to_fixed_point() -> None:
    pooled = trained(PooledCohort(learners()))
    shared = trained(SecureCohort(learners(), aggregators=3))
    assert shared.losses == pytest.approx(pooled.losses, abs=1e-6)
    assert torch.allclose(pooled.weights, shared.weights, rtol=0, atol=1e-5)
    draws = [each.posterior(5, draws=20, seed=3) for each in (pooled, shared)]
    assert torch.allclose(*draws, rtol=0, atol=1e-4)


def test_training_touches_no_counts() -> None:
    others = learners()
    for learner in others.values():
        learner.series = series_of(np.full(WEEKS, 7.0))
    one, other = trained(PooledCohort(learners())), trained(PooledCohort(others))
    assert torch.equal(one.weights, other.weights)
    assert not torch.equal(one.posterior(4, draws=5, seed=1), other.posterior(4, draws=5, seed=1))


def test_a_training_that_was_interrupted_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole = trained(SecureCohort(learners()))
    first = AmortisedPosterior(COURSE, SecureCohort(learners()), tuple(learners()), SMALL)
    for _ in range(3):
        first.advance()
    first.save(tmp_path / "amortised.safetensors")
    second = AmortisedPosterior(COURSE, SecureCohort(learners()), tuple(learners()), SMALL)
    second.load(tmp_path / "amortised.safetensors")
    second.run()
    assert second.losses == whole.losses
    assert torch.equal(second.posterior(5, draws=5, seed=1), whole.posterior(5, draws=5, seed=1))
    other = AmortisedPosterior(
        COURSE, SecureCohort(learners()), tuple(learners()), Training(rounds=7, simulations=8, first=3)
    )
    with pytest.raises(ParameterError, match="of another fit"):
        other.load(tmp_path / "amortised.safetensors")
    (tmp_path / "amortised.safetensors").write_bytes(b"no checkpoint")
    with pytest.raises(ParameterError, match="start anew"):
        second.load(tmp_path / "amortised.safetensors")


def test_a_hospital_that_drops_out_and_returns_is_named_and_training_goes_on() -> None:
    away = frozenset({"hospital-2"})
    amortised = trained(SecureCohort(learners(), absent={1: away, 2: away}))
    assert (amortised.round, amortised.absences) == (6, {"hospital-2": 2})


def _inverted(embedding: np.ndarray, learner: Learner, weights: np.ndarray) -> np.ndarray:
    """Return the counts of 4 weeks that explain an embedding best; the attacker knows all but the counts."""

    def residual(log_counts: np.ndarray) -> np.ndarray:
        series = np.append(np.exp(log_counts), np.full(WEEKS - 4, np.nan))[None]
        read = features(series, np.zeros(series.shape, dtype=bool), np.array([4]), learner.share, REFERENCE)
        return learner._placed(learner.encoder.embed(weights, read).embedding)[0] - embedding

    return np.exp(optimize.least_squares(residual, np.full(4, 2.0), bounds=(-1, 8), xtol=1e-14, ftol=1e-14).x)


def shares_of(learner: Learner, words: np.ndarray) -> list[np.ndarray]:
    """Return what each aggregator gets of a hospital's words."""
    sums = SecureCohort({"a": learner, **learners()})._sums_of(1, words.size, 3.0)
    return sums._backend.split(words, "a", 1)


def test_a_plain_embedding_gives_a_hospitals_counts_away_and_its_share_does_not() -> None:
    learner = learners()["hospital-0"]
    learner.series = series_of(np.array([5.0, 9.0, 14.0, 30.0, 21.0, 8.0]))
    weights, truth = learner.encoder.begin(1), learner.series.exact[:4]
    embedding, contribution = learner.tell(weights, 4), Contribution(3.0, BITS)
    assert _inverted(embedding[0], learner, weights) == pytest.approx(truth, rel=1e-3)
    for share in shares_of(learner, contribution.encode(embedding)):
        seen = contribution.decode(from_ring(share))
        assert np.abs(seen).min() > 1.0  # no embedding looks so
        assert np.abs(_inverted(seen, learner, weights) / truth - 1.0).max() > 0.5


def test_a_plain_gradient_gives_a_hospitals_features_away_and_its_share_does_not() -> None:
    learner = learners()["hospital-0"]
    shape, weights = learner.encoder, learner.encoder.begin(1)
    learner.imperfect = Imperfect(0.0, 0.0)
    learner.practise(Exercise(0, weights, np.full((1, 2, WEEKS), 4.0), np.array([4])))
    assert learner._passed is not None
    truth = learner._passed[2].features[0]
    gradient, contribution = learner.correct(0, np.ones((1, learner.width))), Contribution(10.0, BITS)

    def inverted(seen: np.ndarray) -> np.ndarray:
        first, bias = seen[: shape.features * shape.hidden], seen[shape.features * shape.hidden :][: shape.hidden]
        unit = int(np.abs(bias).argmax())  # of one epidemic, each column is the features times the bias's derivative
        return first.reshape(shape.features, shape.hidden)[:, unit] / bias[unit]

    words = contribution.encode(gradient)
    assert inverted(contribution.decode(words)) == pytest.approx(truth, abs=1e-5)
    for share in shares_of(learner, words):
        seen = inverted(contribution.decode(from_ring(share)))
        assert abs(np.corrcoef(seen, truth)[0, 1]) < 0.7


@pytest.mark.slow
def test_weeks_to_come_stay_as_uncertain_as_the_prior(amortised: AmortisedPosterior) -> None:
    log_x = COURSE.log_mean(torch.zeros(64, COURSE.p).double()).numpy()
    exercise = Exercise(CALIBRATED.rounds + 99, amortised.weights.detach().numpy(), log_x, np.full(64, 3))
    context = amortised.context(amortised.cohort.practise(exercise), exercise.told)
    last = amortised.draw(context.repeat_interleave(20, dim=0), seed=1)[
        :, len([name for name in COURSE.coordinates if "reproduction" in name]) - 1
    ]
    assert float(last.std()) == pytest.approx(1.0, abs=0.15)


@pytest.mark.slow
def test_a_week_that_the_posterior_was_not_trained_for_is_refused(amortised: AmortisedPosterior) -> None:
    with pytest.raises(ParameterError, match="trained for 3 to 6"):
        amortised.posterior(2, draws=5, seed=1)


@pytest.mark.slow
def test_what_a_sum_is_made_of_is_not_printed(amortised: AmortisedPosterior) -> None:
    learner: Mapping[str, Learner] = learners()
    assert "21" not in repr(learner["hospital-0"]).replace("embedding", "")
    assert "array" not in repr(Total(np.ones(3), ("a",)))


@pytest.mark.parametrize("bad", [{"rounds": 0}, {"rate": 2.0}, {"embedding": -1}])
def test_a_training_that_makes_no_sense_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match="needed"):
        Training(**bad)  # type: ignore[arg-type]
