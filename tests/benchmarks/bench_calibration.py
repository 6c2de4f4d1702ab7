"""`calibration_peer`: courses simulated, and seconds, until a calibration is as good as ours; same model, same data.

The peer is optuna, which sees the loss alone: by its default sampler (TPE), and by CMA-ES where that is installed. It
has all data in one place. Ours is federated, with shares, and knows derivatives; a simulation with its derivatives
counts as one, so the seconds beside it are the fairer figure. The loss is minus the log posterior density of a point
(likelihoods of all hospitals and prior); ours is that of the posterior's mean.
"""

import time
import warnings
from pathlib import Path

import msgspec
import numpy as np
import torch
from measure import Row

from lpm_secure.calibration.config import load
from lpm_secure.calibration.data_config import DataConfig
from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from lpm_secure.calibration.parties import shape_of
from lpm_secure.report.folder import merge_figures
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from protocols.errors import DataError

EXAMPLE = Path(__file__).parents[2] / "examples" / "hospitals.toml"
FIGURES = Path(__file__).parents[2] / "build" / "calibration.json"
SLACK = 5.0  # of the loss, above the best that we find: how good is as good
ROUNDS, EVERY = 150, 5  # few draws and fast steps, as befits a race to a point; a posterior takes more of both
FURTHEST = 4.0  # standard deviations of the prior within which optuna looks
MOST_TRIALS, PATIENCE_S = 6_000, 200.0


def problem():
    """Return the hospitals of New York, or made-up ones where the data are not here."""
    config = load(EXAMPLE)
    try:
        return config.study()
    except DataError:
        data = DataConfig(simulated=26, fit_periods=16, forecast_periods=4)
        model = msgspec.structs.replace(config.model, severity=())
        return msgspec.structs.replace(config, data=data, model=model).study()


def loss_of(study):
    """Return a function from z, float64[p], to the loss, by institutions whose shares stay as they are."""
    course, institutions = study.course, study.institutions(local_steps=0)

    def loss(z):
        log_x = course.log_mean(torch.as_tensor(z, dtype=torch.float64)[None]).numpy()
        return float((np.asarray(z) ** 2).sum() / 2 - sum(each.answer(log_x)[1] for each in institutions.values()))

    return loss, course


def ours(study, loss):
    """Return [(simulations, seconds, loss)] as our fit goes on; the loss is taken off the clock."""
    held = study.institutions(local_steps=0)
    manifest = manifest_for(study.names, shape_of(held, draws=2), [NOWHERE] * 2, rounds=ROUNDS, min_cohort=5)
    sums = InProcessSum(manifest, held)
    fit = Fit(study.course, sums, FitSchedule(rounds=ROUNDS, draws=2, rate=0.1), study.names)
    found, taken = [], 0.0
    while fit.round < ROUNDS:
        started = time.perf_counter()
        fit.advance()
        taken += time.perf_counter() - started
        if fit.round % EVERY == 0:
            found.append((fit.simulations, taken, loss(fit.draws(200, seed=1).mean(dim=0).numpy())))
    return found


def optunas(loss, p, sampler, target):
    """Return simulations, seconds and the best loss of optuna, until the target or the end of patience."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study, started = optuna.create_study(sampler=sampler), time.perf_counter()

    def objective(trial):
        return loss(np.array([trial.suggest_float(f"z{i}", -FURTHEST, FURTHEST) for i in range(p)]))

    def enough(study, trial):
        if study.best_value <= target or time.perf_counter() - started > PATIENCE_S:
            study.stop()

    study.optimize(objective, n_trials=MOST_TRIALS, callbacks=[enough])
    return len(study.trials), time.perf_counter() - started, study.best_value


def samplers():
    """Return optuna's samplers that are installed, by name."""
    try:
        import optuna
    except ImportError:
        return {}
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    found = {"optuna TPE": optuna.samplers.TPESampler(seed=1)}
    try:
        import cmaes  # noqa: F401 - optuna looks for it

        found["optuna CMA-ES"] = optuna.samplers.CmaEsSampler(seed=1)
    except ImportError:
        pass
    return found


def calibration_peer():
    """Return a row for simulations and one for seconds, for each peer."""
    torch.set_num_threads(1)
    study = problem()
    loss, course = loss_of(study)
    path = ours(study, loss)
    target = min(value for *_, value in path) + SLACK
    simulations, seconds, _ = next(point for point in path if point[2] <= target)
    rows = []
    for name, sampler in samplers().items():
        trials, taken, best = optunas(loss, course.p, sampler, target)
        told = "reached it" if best <= target else f"gave up {best - target:.0f} above it"
        against = f"{name}, p = {course.p}: {trials} in {taken:.0f} s, {told}; loss {target:.0f}"
        rows.append(Row("calibration_peer", float(simulations), "simulations", against, simulations / trials))
        rows.append(Row("calibration_peer", seconds, "s", against, seconds / taken))
    if not rows:
        rows.append(Row("calibration_peer", seconds, "s", "optuna is not installed; pip install optuna", 0.0))
    merge_figures(FIGURES, {"peers": msgspec.to_builtins(rows)})
    return rows


BENCHMARKS = {"calibration_peer": calibration_peer}
