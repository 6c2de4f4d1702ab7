"""`lpm amortise`: train an amortised posterior, check it, and draw from it for the periods so far."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, time
from typing import Final, final

import torch

from client_sdk.amortisation.learner import Imperfect, Learner
from lpm_secure.calibration.amortisation.calibration_check import Check, check
from lpm_secure.calibration.amortisation.cohort import SecureCohort
from lpm_secure.calibration.amortisation.posterior import AmortisedPosterior, Training, encoder, reference
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.fit_progress import record_rounds
from lpm_secure.calibration.study import Study
from lpm_secure.report.progress import FitProgress, ProgressHead
from protocols.errors import ConfigError, ParameterError

CHECKPOINT: Final = "amortised.safetensors"
DRAWS: Final = 1000
TRAINED: Final = "All courses of the training are simulated; the institutions' series are read once, at the end."


@final
@dataclass(frozen=True, slots=True, eq=False)
class AmortisationResult:
    """An amortised posterior, and what it says of the periods asked for.

    Attributes:
        config, study: what was asked for, and the data.
        amortised: trained.
        checked: on simulations.
        periods: that the posterior has read.
        z: float64[S, p], drawn from it.
        seconds: that rounds of training took in this process, and rounds that were played in them.
        posterior_seconds: from the question to the draws.
    """

    config: CalibrationConfig
    study: Study
    amortised: AmortisedPosterior
    checked: Check
    periods: int
    z: torch.Tensor = field(repr=False)
    seconds: float
    rounds: int
    posterior_seconds: float


def amortise(
    config: CalibrationConfig,
    folder: Path,
    *,
    periods: int | None = None,
    resume: bool = False,
    on_round: Callable[[AmortisedPosterior], None] = lambda amortised: None,
) -> AmortisationResult:
    """Train on simulations, or go on; then ask for the posterior given the periods so far.

    Args:
        config: of the calibration.
        folder: for checkpoints.
        periods: how many are read; `fit_periods` where nothing is said.
        resume: go on from the folder's checkpoint, to the same bits; after the last round no training is left.
        on_round: is told after each round.

    Raises:
        ParameterError: a folder with a checkpoint and no `resume`, `resume` and none that fits, or periods that the
            posterior is not trained for.
        ProtocolError: a sum cannot be released.
    """
    path, given = folder / CHECKPOINT, config.amortised
    if not resume and path.exists():
        raise ParameterError(f"{folder} has a checkpoint; go on with --resume, or give another folder with --out")
    torch.set_num_threads(1)  # arrays are small: more threads only wait for each other
    study = config.study()
    amortised = prepare(config, study)
    asked = study.fitted if periods is None else periods
    amortised.require(asked)
    if resume:
        amortised.load(path)
    begun, started = amortised.round, perf_counter()
    head = ProgressHead(
        at=time(), kind="amortised posterior", name=config.name, run=f"posterior {config.name}", total=given.rounds,
        unit="round", clients=study.names, facts=(study.data.title, TRAINED),
    )  # fmt: skip
    with record_rounds(folder, head, resume=resume) as journal:

        def after(each: AmortisedPosterior) -> None:
            if each.round % given.checkpoint_rounds == 0 or each.round == given.rounds:
                folder.mkdir(parents=True, exist_ok=True)
                each.save(path)
            journal.write(FitProgress(at=time(), step=each.round, loss=each.losses[-1], members=len(study.names)))
            on_round(each)

        journal.enter("training on simulations")
        amortised.run(after)
        seconds = perf_counter() - started
        journal.enter("the check on simulations")
        checked = check(amortised, batches=given.check_rounds)
        started = perf_counter()
        z = amortised.posterior(asked, draws=DRAWS, seed=config.seed)
    rounds, asked_s = amortised.round - begun, perf_counter() - started
    return AmortisationResult(config, study, amortised, checked, asked, z, seconds, rounds, asked_s)


def prepare(config: CalibrationConfig, study: Study) -> AmortisedPosterior:
    """Return an untrained posterior over all periods of a study, with every institution in this process.

    Raises:
        ConfigError: noise, which embeddings do not have.
    """
    way, training = config.federation, Training.of(config.amortised, config.seed)
    if way.epsilon is not None:
        raise ConfigError("embeddings are summed without noise; leave federation.epsilon out for lpm amortise")
    course, imperfect = study.course.lengthen(len(study.periods)), Imperfect(hidden=config.amortised.hidden_values)
    scale, shape = reference(course, seed=config.seed), encoder(course, training)
    learners = {
        name: Learner(series, share, config.observation, scale, shape, _key(config.seed, name), imperfect)
        for name, series, share in zip(study.names, study.data.series, study.data.share, strict=True)
    }
    active = way.security == "active"
    cohort = SecureCohort(learners, config.amortised.clip, way.aggregators, way.min_cohort, dealer=active)
    return AmortisedPosterior(course, cohort, study.names, training)


def _key(seed: int, name: str) -> bytes:
    """Return a simulated institution's key of simulation draws; a real one draws its own."""
    return hashlib.blake2b(f"{seed} {name}".encode(), digest_size=32, person=b"lpm testbed").digest()
