from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np
import pytest
import torch
from scipy import optimize

from client_sdk.amortisation.encoder import Encoder
from client_sdk.amortisation.features import Reference, features
from client_sdk.amortisation.learner import Exercise, Imperfect, Learner
from client_sdk.likelihood.series import Series
from client_sdk.secure_sum.contribution import F64, Contribution, clip_norm
from lpm_secure.calibration.amortisation.calibration_check import check
from lpm_secure.calibration.amortisation.cohort import BITS, Cohort, SecureCohort, Total
from lpm_secure.calibration.amortisation.comparison import summary
from lpm_secure.calibration.amortisation.posterior import AmortisedPosterior, Training, encoder, reference
from protocols.arithmetic.fixed_point import from_ring
from protocols.errors import CohortTooSmall, ParameterError, RoundClosed, WouldWrap
from tests.calibration_hospitals import OBSERVATION, course_of, institution_of

WEEKS = 6
COURSE = course_of(WEEKS, lead=2)
SMALL = Training(rounds=6, simulations=8, first=3, hidden=12, embedding=8, context=8)
REFERENCE = reference(COURSE, seed=1)
SERIES = np.array([4.0, 9.0, -1.0, np.nan, 21.0, 30.0])


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


def series_of(values: np.ndarray) -> Series:
    """Return a series, -1 for 1 to 3."""
    return institution_of(values, [0.3, 0.1]).series


def learners(count: int = 6, training: Training = SMALL) -> dict[str, Learner]:
    found = {}
    for index in range(count):
        share = np.array([0.3, 0.1]) if index % 2 else np.array([0.1, 0.3])
        series, shape = series_of(np.roll(SERIES, index)), encoder(COURSE, training)
        key, hidden = bytes([index]) * 32, Imperfect(hidden=(1.0, 3.0))
        found[f"hospital-{index}"] = Learner(series, share, OBSERVATION, REFERENCE, shape, key, hidden)
    return found


def trained(cohort: Cohort, training: Training = SMALL) -> AmortisedPosterior:
    amortised = AmortisedPosterior(COURSE, cohort, tuple(learners()), training)
    amortised.run()
    return amortised


def test_the_encoders_derivative_agrees_with_finite_differences() -> None:
    shape, rng = Encoder(5, 4, 3), np.random.default_rng(1)
    weights, read, by = shape.begin(1), rng.normal(size=(7, 5)), rng.normal(size=(7, 3))
    found = shape.back(weights, shape.embed(weights, read), by)
    loss = [
        (shape.embed(weights + 1e-6 * step, read).embedding - shape.embed(weights - 1e-6 * step, read).embedding)
        for step in np.eye(shape.size)
    ]
    assert found == pytest.approx(np.array([(by * each).sum() / 2e-6 for each in loss]), abs=1e-7)


def shown(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what features are made of: guesses, and which of them are no more than that."""
    series = series_of(values)
    return series.guess[None], series.censored[None]


def test_features_mark_what_is_censored_or_missing_and_hide_weeks_to_come() -> None:
    share = np.array([0.3, 0.1])
    read = features(*shown(SERIES), np.array([5]), share, REFERENCE)[0]
    level, growth, censored, told, own = np.split(read, [WEEKS, 2 * WEEKS, 3 * WEEKS, 4 * WEEKS])
    assert told.tolist() == [1, 1, 1, 0, 1, 0]
    assert censored.tolist() == [0, 0, 1, 0, 0, 0]
    assert level[3] == level[5] == 0.0
    assert growth == pytest.approx([0, np.log(9.5 / 4.5), np.log(2.5 / 9.5), 0, 0, 0])
    assert own == pytest.approx([0.75, 0.25, np.log(0.4)])
    later = SERIES.copy()
    later[5] = 4000.0
    assert features(*shown(later), np.array([5]), share, REFERENCE)[0].tolist() == read.tolist()


def test_federated_training_is_the_pooled_one_up_to_fixed_point() -> None:
    pooled = trained(PooledCohort(learners()))
    shared = trained(SecureCohort(learners(), aggregators=3))
    assert shared.losses == pytest.approx(pooled.losses, abs=1e-6)
    assert torch.allclose(pooled.weights, shared.weights, rtol=0, atol=1e-5)
    draws = [each.posterior(5, draws=20, seed=3) for each in (pooled, shared)]
    assert torch.allclose(*draws, rtol=0, atol=1e-4)


def test_training_does_not_depend_on_the_masks() -> None:
    one, other = trained(SecureCohort(learners())), trained(SecureCohort(learners(), aggregators=4))
    assert torch.equal(one.weights, other.weights)
    assert torch.equal(one.posterior(4, draws=5, seed=1), other.posterior(4, draws=5, seed=1))


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


def test_a_sum_over_too_few_hospitals_is_refused() -> None:
    with pytest.raises(CohortTooSmall, match="the manifest promises 5"):
        trained(SecureCohort(learners(), absent={0: frozenset({"hospital-1", "hospital-3"})}))


def test_a_clip_whose_sum_could_wrap_is_refused() -> None:
    with pytest.raises(WouldWrap):
        SecureCohort(learners(), clip=2.0**30)


def test_what_a_hospital_adds_to_a_step_is_bounded() -> None:
    amortised = AmortisedPosterior(COURSE, SecureCohort(learners(), clip=1e-3), tuple(learners()), SMALL)
    amortised.advance()
    assert amortised.weights.grad is not None
    norm = float(amortised.weights.grad.norm())
    assert 0 < norm <= 6 * 1e-3 * (1 + 1e-6)


def test_no_two_sums_are_masked_by_one_keystream() -> None:
    cohort = SecureCohort(learners())
    weights = cohort.learners["hospital-0"].encoder.begin(1)
    cohort.tell(weights, 4)
    (sums,) = (each for (rows, width, _), each in cohort._sums.items() if (rows, width) == (1, 17))
    zero = np.zeros(17, dtype=np.int64)
    masks = [sums._backend.split(zero, "hospital-0", 2 * number + 1)[0].tobytes() for number in range(3)]
    other = cohort._sums_of(1, weights.size, cohort.clip)
    masks.append(other._backend.split(np.zeros(weights.size, dtype=np.int64), "hospital-0", 1)[0][:17].tobytes())
    assert len(set(masks)) == 4


def test_a_hospital_answers_in_order_and_only_what_makes_sense() -> None:
    learner = learners()["hospital-0"]
    with pytest.raises(RoundClosed, match="practise"):
        learner.correct(0, np.zeros((8, 17)))
    weights, log_x, told = learner.encoder.begin(1), np.zeros((8, 2, WEEKS)), np.full(8, 4)
    learner.practise(Exercise(0, weights, log_x, told))
    with pytest.raises(ParameterError, match="one for each"):
        learner.correct(0, np.full((8, 17), np.nan))
    learner.correct(0, np.zeros((8, 17)))
    with pytest.raises(RoundClosed):
        learner.correct(0, np.zeros((8, 17)))
    for bad in (
        Exercise(0, weights[1:], log_x, told),
        Exercise(0, weights, log_x[:, :1], told),
        Exercise(0, weights, log_x + 90.0, told),
        Exercise(0, weights, log_x, told + 3),
    ):
        with pytest.raises(ParameterError):
            learner.practise(bad)
    with pytest.raises(ParameterError):
        learner.tell(weights * np.nan, 4)


def test_what_a_hospital_tells_is_placed_where_its_patients_live() -> None:
    learner = learners()["hospital-0"]  # a quarter from the first borough, three quarters from the second
    weights = learner.encoder.begin(1)
    first, second, here = np.split(learner.tell(weights, 4)[0], [8, 16])
    assert 3.0 * first == pytest.approx(second)
    assert here == [1.0]


def test_a_hospitals_gradient_is_that_of_what_it_told() -> None:
    learner, rng = learners()["hospital-1"], np.random.default_rng(3)
    weights, log_x, told = learner.encoder.begin(1), np.full((8, 2, WEEKS), 4.0), np.full(8, 4)
    by, step = rng.normal(size=(8, learner.width)), rng.normal(size=weights.size)
    learner.practise(Exercise(5, weights, log_x, told))
    found = learner.correct(5, by) @ step
    up, down = (learner.practise(Exercise(5, weights + s * step, log_x, told)) for s in (1e-6, -1e-6))
    assert found == pytest.approx((by * (up - down)).sum() / 2e-6, rel=1e-6)


def test_what_is_not_here_adds_nothing_not_even_itself() -> None:
    learner = learners()["hospital-0"]
    learner.imperfect = Imperfect(absent=0.5)
    found = learner.practise(Exercise(0, learner.encoder.begin(1), np.full((64, 2, WEEKS), 4.0), np.full(64, 4)))
    assert set(found[:, -1]) == {0.0, 1.0}
    assert not found[found[:, -1] == 0].any()


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


CALIBRATED = Training(rounds=300, simulations=64, first=3, rate=4e-3, hidden=24, embedding=16, context=24)


@pytest.fixture(scope="module")
def amortised() -> AmortisedPosterior:
    return trained(SecureCohort(learners(training=CALIBRATED)), CALIBRATED)


@pytest.mark.slow
def test_ranks_of_simulated_truths_are_uniform_and_intervals_cover(amortised: AmortisedPosterior) -> None:
    found = check(amortised, batches=8)
    assert found.simulations == 512
    assert found.p_value > 0.01
    low, high = found.band()
    coverage = found.coverage()
    assert low <= coverage.mean() <= high
    assert coverage.min() > 0.85
    assert found.density > found.prior_density + 0.5  # the sum has told something
    assert found.spread.min() < 0.9


@pytest.mark.slow
def test_ranks_find_a_posterior_that_is_too_sure(amortised: AmortisedPosterior) -> None:
    diagonal = amortised.centre.posterior.log_diagonal
    with torch.no_grad():
        diagonal -= 0.3
        found = check(amortised, batches=8)
        diagonal += 0.3
    assert found.p_value < 1e-3
    assert found.coverage().mean() < found.band()[0]


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


def test_a_reference_must_fit_together() -> None:
    with pytest.raises(ParameterError, match=r"\[B, W\]"):
        Reference(np.zeros((2, 3)), np.ones(4))
    with pytest.raises(ParameterError, match="spread"):
        Reference(np.zeros((2, 3)), np.zeros(3))


def test_a_posterior_of_more_weeks_is_compared_in_the_weeks_that_a_fit_has() -> None:
    longer = COURSE.lengthen(8)
    z = torch.randn(50, longer.p, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    theta, fitted = longer.parameters(z), COURSE.parameters(longer.restrict(z, COURSE))
    weeks = fitted[0].values.shape[1]
    assert torch.equal(fitted[0].values[:, : weeks - 1], theta[0].values[:, : weeks - 1])
    assert torch.equal(fitted[1].values, theta[1].values)
    rows = {row["parameter"]: row for row in summary(longer, z)}
    assert rows["reproduction, period 3"]["mean"] == pytest.approx(float(theta[0].values[:, 4].mean()))
    assert rows["stay_days"]["sd"] == pytest.approx(float(theta[3].values.std()))
    assert len(rows) == longer.p
