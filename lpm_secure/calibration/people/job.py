"""`lpm calibrate` through private agents: runs whose derivatives are sums over clients, each a step of the fit."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import msgspec
import numpy as np

from client_sdk.likelihood.observation import LAWS
from client_sdk.likelihood.series import Series
from client_sdk.private.table import F64
from lpm_secure.calibration.fit_progress import record_rounds
from lpm_secure.calibration.people.config import PeopleCalibration
from lpm_secure.calibration.people.noised_part import add_noise
from lpm_secure.calibration.people.privacy import epsilon_of_runs
from lpm_secure.calibration.people.scoring import LEAST_MEAN, ScoringPoint, Search, log_derivatives, noise_weight
from lpm_secure.config.simulation import Config
from lpm_secure.engine.device import device_of
from lpm_secure.engine.series import PARTS
from lpm_secure.event_loop import complete
from lpm_secure.gradients.private.result import GradientFigures, difference, find
from lpm_secure.report.folder import write_figures
from lpm_secure.report.progress import Band, FitProgress, ProgressHead, ProgressJournal
from lpm_secure.run.jobs import local_deployment, local_testbed
from lpm_secure.run.processes import over_processes, run_clear, run_private
from protocols.errors import ConfigError, ParameterError
from protocols.task.release_plan import ReleasePlan

STATE: Final = "rounds.json"
ROUNDS: Final = "rounds"  # folder with that of each run
REPLICATES: Final = "replicates"  # and with that of each discrete run at the end
AGENTS: Final = {"private": PARTS[:1], "synthetic": PARTS[1:], "all": PARTS}
NORMAL_90: Final = 1.6449  # standard deviations, between which 90 % of a normal law lie
AT_MOST: Final = "The fit ends before all of its runs where it has converged. Bands are those of the runs so far."
OnRound = Callable[[int, str], None]
Posterior = tuple[F64, F64]


@final
class PeopleRound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one run said: where it was, what was expected, with derivatives of the logs, and whether parity held."""

    z: tuple[float, ...]
    mean: tuple[float, ...]
    by_log: tuple[tuple[float, ...], ...]
    parity: bool | None = None


@final
class PeopleState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All runs of a fit so far, and what they were asked for.

    Attributes:
        replicates: departures in steps 1 to T of each discrete run at the end.
        relaxed: of a fit with noise, what a relaxed run of the same made-up people said, with noise of its own; before
            all of these, one without noise.
        begun: of a fit with noise, how many runs have begun: one that was cut off may have released, and is paid for.
    """

    asked: str
    rounds: tuple[PeopleRound, ...] = ()
    replicates: tuple[tuple[float, ...], ...] = ()
    relaxed: tuple[PeopleRound, ...] = ()
    begun: int = 0


@final
@dataclass(frozen=True, slots=True, eq=False)
class PeopleResult:
    """A finished fit.

    Attributes:
        calibration: what was asked for.
        best: the mode of the relaxed runs' posterior.
        z: float64[p], the posterior's mean; covariance: float64[p, p], of it.
        mean: float64[T], expected values there.
        rounds: all runs.
        converged: whether it ended by itself.
        epsilon: of all that its runs released together, at the delta of `[releases]`; None where releases are exact.
    """

    calibration: PeopleCalibration
    best: ScoringPoint
    z: F64
    covariance: F64
    mean: F64 = field(repr=False)
    rounds: tuple[PeopleRound, ...]
    converged: bool
    epsilon: float | None = None

    @property
    def parity(self) -> bool | None:
        """Whether every round had the clear run's numbers to the last bit; None where none was compared."""
        each = [one.parity for one in self.rounds if one.parity is not None]
        return all(each) if each else None


def fit_people(
    asked: PeopleCalibration,
    folder: Path,
    *,
    private: bool = True,
    parity: bool = True,
    resume: bool = False,
    on_round: OnRound = lambda number, words: None,
) -> PeopleResult:
    """Fit a run's parameters, run by run.

    Args:
        asked: what is fitted.
        folder: of the fit; its runs' folders are below it.
        private: over clients as processes; else in the clear, which has the same bits.
        parity: hold each private run's numbers against those in the clear.
        resume: go on from the folder's rounds.
        on_round: is told how many runs there are, and where the fit is.

    Raises:
        ParameterError: there are rounds and no `resume`, or `resume` and those of another fit.
        ProtocolError: a run could not go on.
    """
    state = _state(asked, folder, resume=resume)
    fit, name = asked.fit, asked.run.name
    head = ProgressHead(
        at=time.time(), kind="fit through private people", name=name, run=name, total=fit.rounds + fit.replicates,
        unit="run", facts=(AT_MOST,),
    )  # fmt: skip
    with record_rounds(folder, head, resume=resume) as journal:
        return _fit(asked, folder, state, journal, private=private, parity=parity, on_round=on_round)


def _fit(
    asked: PeopleCalibration,
    folder: Path,
    state: PeopleState,
    journal: ProgressJournal,
    *,
    private: bool,
    parity: bool,
    on_round: OnRound,
) -> PeopleResult:
    """Go on from a state to the fit's end, and write down each run."""
    begun = len(state.rounds)
    journal.enter("runs that find the mode")
    for number in range(begun, asked.fit.rounds):
        search = _search(asked, state.rounds)
        if search.is_over(asked.fit.tolerance):
            break
        z = search.next_z(len(asked.names))
        folder.mkdir(parents=True, exist_ok=True)
        if asked.noise is not None:
            state = msgspec.structs.replace(state, begun=max(state.begun, number) + 1)
            write_figures(folder / STATE, msgspec.to_builtins(state))
        found = _run(asked, z, folder / ROUNDS if private else None, parity=parity, warns=number == begun)
        state = PeopleState(state.asked, (*state.rounds, found), begun=state.begun)
        write_figures(folder / STATE, msgspec.to_builtins(state))
        theta = ", ".join(f"{name} {value:.3g}" for name, value in zip(asked.names, asked.theta(z), strict=True))
        journal.write(_progress(asked, number + 1, _search(asked, state.rounds)))
        on_round(number + 1, theta)
    search = _search(asked, state.rounds)
    if search.best is None:
        raise ParameterError("no run has been; give fit.rounds")
    best = next(each for each in state.rounds if np.array_equal(each.z, search.best.z))
    journal.enter("discrete runs there")
    for number in range(len(state.replicates), asked.fit.replicates):
        state = _with_replicate(asked, state, search.best.z, folder / REPLICATES if private else None)
        write_figures(folder / STATE, msgspec.to_builtins(state))
        journal.write(_progress(asked, asked.fit.rounds + number + 1, search))
        on_round(len(state.rounds), f"replicate {number + 1}")
    z, covariance = _posterior(asked, search.best, best, state)
    return PeopleResult(
        asked,
        search.best,
        z,
        covariance,
        np.array(best.mean),
        state.rounds,
        search.is_over(asked.fit.tolerance),
        _epsilon(asked, search.best.z, max(state.begun, len(state.rounds))),
    )


def _epsilon(asked: PeopleCalibration, z: F64, runs: int) -> float | None:
    """Return what so many runs with noise cost together; None without noise."""
    if asked.noise is None:
        return None
    return epsilon_of_runs(ReleasePlan.of(local_testbed(asked.at(asked.theta(z))).manifest), runs, asked.noise.delta)


def _progress(asked: PeopleCalibration, step: int, search: Search) -> FitProgress:
    """Return where a fit is after so many runs: its best point, and what lies within 1.645 sd of it there."""
    best = search.best
    if best is None:
        return FitProgress(at=time.time(), step=step, loss=None, members=0)
    wide = NORMAL_90 * np.sqrt(np.diag(best.covariance))
    low, median, high = (asked.theta(best.z + wide * way).tolist() for way in (-1, 0, 1))
    each = zip(asked.names, low, median, high, strict=True)
    bands = tuple(Band(name=name, low=(a,), median=(b,), high=(c,)) for name, a, b, c in each)
    return FitProgress(at=time.time(), step=step, loss=-best.value, members=0, posterior=bands)


def _search(asked: PeopleCalibration, rounds: tuple[PeopleRound, ...]) -> Search:
    """Return the search after these runs."""
    search, law, given = Search(), asked.law, {"spread": asked.fit.spread or 1.0, "noise": asked.variance}
    for each in rounds:
        z, mean, by_log = np.array(each.z), np.array(each.mean), np.array(each.by_log)
        search = search.after(ScoringPoint.of(z, mean, by_log, law, **given))
    return search


def _run(asked: PeopleCalibration, z: F64, out: Path | None, *, parity: bool, warns: bool) -> PeopleRound:
    """Return what a run at z says: expected departures in each step, and derivatives of their logs by z."""
    theta = asked.theta(z)
    try:
        config = asked.at(theta)
    except ConfigError as error:
        raise ParameterError(f"the fit went where no run is: {error}; give a narrower prior") from error
    found, same = _derivatives(config, out, parity=parity, warns=warns)
    mean, by_theta = _departures(found, asked.fit.agents)
    by_log = log_derivatives(mean, by_theta * theta * np.array([each.sd for each in asked.fit.priors.values()]))
    return PeopleRound(tuple(z.tolist()), tuple(mean.tolist()), tuple(map(tuple, by_log.tolist())), same)


def _with_replicate(asked: PeopleCalibration, state: PeopleState, z: F64, out: Path | None) -> PeopleState:
    """Return a state with one more discrete run: of the private people, or with noise of made-up ones."""
    relaxed = state.relaxed
    if asked.noise is not None:
        asked, out = asked.look_alike(), None
        first = () if relaxed else (_run(asked.exact(), z, None, parity=False, warns=False),)
        relaxed = (*relaxed, *first, _run(asked, z, None, parity=False, warns=False))
        asked = asked.exact()
    drawn = _replicate(asked, z, len(state.replicates), out)
    return msgspec.structs.replace(state, replicates=(*state.replicates, drawn), relaxed=relaxed)


def _replicate(asked: PeopleCalibration, z: F64, number: int, out: Path | None) -> tuple[float, ...]:
    """Return departures in steps 1 to T of a discrete run, in which the same people draw anew."""
    config = msgspec.structs.replace(asked.at(asked.theta(z)).with_draws(asked.run.seed + 1 + number), gradient=None)
    if out is None:
        series = run_clear(local_testbed(config), device_of("cpu")).series
    else:
        with local_deployment(config, out=out, warns=False) as deployment:
            series = run_private(deployment, device_of("cpu")).series
    departures = np.sum([series.incidence(part) for part in AGENTS[asked.fit.agents]], axis=0)[1:]
    return tuple(map(float, departures.tolist()))


def _posterior(asked: PeopleCalibration, search: ScoringPoint, best: PeopleRound, state: PeopleState) -> Posterior:
    """Return the posterior's mean and covariance in z, as replicates correct them."""
    if not state.relaxed:
        return search.posterior(_scores(asked, state.replicates, (best,) * len(state.replicates)))
    exact, *noised = state.relaxed
    spread, law = asked.fit.spread or 1.0, asked.law
    point = ScoringPoint.of(
        search.z, np.array(exact.mean), np.array(exact.by_log), law, spread=spread, noise=asked.variance
    )
    return search.posterior_under_noise(_scores(asked, state.replicates, tuple(noised)), point.information)


def _scores(
    asked: PeopleCalibration, replicates: tuple[tuple[float, ...], ...], relaxed: tuple[PeopleRound, ...]
) -> F64:
    """Return what the log likelihood's gradient by z would be, had a replicate been observed, float64[R, p]."""
    spread, known, scores = asked.fit.spread or 1.0, np.isfinite(asked.observed), [np.zeros((0, len(asked.names)))]
    for values, expected in zip(replicates, relaxed, strict=True):
        mean, by_log = np.maximum(expected.mean, LEAST_MEAN), np.array(expected.by_log)
        law = LAWS[asked.fit.likelihood](Series.of(np.where(known, values, np.nan)))
        weight = noise_weight(law, mean, spread=spread, noise=asked.variance)
        scores.append((by_log.T @ (weight * law.log_likelihood(mean, spread)[1]))[None])
    return np.concatenate(scores)


def _derivatives(config: Config, out: Path | None, *, parity: bool, warns: bool) -> tuple[GradientFigures, bool | None]:
    """Return the derivatives of a run over its clients, and whether the clear run's are the same bits."""
    noised = config.releases is not None  # then nothing in the clear is the same
    if out is None:
        testbed = local_testbed(config)
        part = add_noise(testbed) if noised else None
        return complete(find(testbed, part)), None
    with local_deployment(config, out=out, warns=warns) as deployment:
        testbed = deployment.testbed
        found = over_processes(deployment, lambda remote: find(testbed, remote))
    is_compared = parity and not noised
    return found, difference(found, complete(find(testbed, None))) == 0.0 if is_compared else None


def _departures(found: GradientFigures, agents: str) -> tuple[F64, F64]:
    """Return expected departures from the first stage in steps 1 to T, float64[T], and derivatives, float64[T, p]."""
    parts = [PARTS.index(part) for part in AGENTS[agents]]
    first = found.numbers[:, parts, 0, :].sum(axis=1)
    departures = first[:-1] - first[1:]
    return departures[:, 0], departures[:, 1:]


def _state(asked: PeopleCalibration, folder: Path, *, resume: bool) -> PeopleState:
    """Return the fit as it begins or goes on."""
    plain = msgspec.json.encode((asked.run, asked.fit, asked.observed.tolist()), order="deterministic").decode()
    path = folder / STATE
    if not path.exists():
        if resume:
            raise ParameterError(f"{path} is not there; start the fit without --resume")
        return PeopleState(plain)
    if not resume:
        raise ParameterError(f"{folder} has rounds of a fit; go on with --resume, or give another folder with --out")
    try:
        state = msgspec.json.decode(path.read_bytes(), type=PeopleState)
    except msgspec.MsgspecError as error:
        raise ParameterError(f"{path} holds no rounds of a fit ({error}); start anew, without --resume") from error
    if state.asked != plain:
        raise ParameterError(f"{path} is of another fit; start anew, without --resume, or undo the change")
    return state


def intervals(result: PeopleResult, level: float = 0.9) -> Iterator[tuple[str, float, float, float]]:
    """Yield each parameter's name with its posterior median and the bounds of a central interval.

    A covariance of a few replicates is not known well, so bounds are as wide as Student's law has them.
    """
    from scipy import special  # noqa: PLC0415 - slow to load

    runs, up = result.calibration.fit.replicates, 0.5 + level / 2
    quantile = float(special.stdtrit(runs - 1, up) if runs else special.ndtri(up))
    wide, z = quantile * np.sqrt(np.diag(result.covariance)), result.z
    each = (result.calibration.theta(at) for at in (z, z - wide, z + wide))
    median, low, high = (values.tolist() for values in each)
    yield from zip(result.calibration.names, median, low, high, strict=True)
