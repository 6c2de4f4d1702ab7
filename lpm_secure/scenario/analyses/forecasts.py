"""Forecasts of series of institutions: evaluated at many origins, following new periods, or asked of a trained flow."""

from pathlib import Path

from lpm_secure.assimilation import job as assimilations
from lpm_secure.assimilation import report as assimilation_reports
from lpm_secure.assimilation.job import AHEAD, AssimilationResult
from lpm_secure.calibration.amortisation import comparison, table
from lpm_secure.calibration.amortisation import job as amortisations
from lpm_secure.calibration.amortisation.job import AmortisationResult
from lpm_secure.calibration.config import load as load_series
from lpm_secure.evaluation import job as evaluations
from lpm_secure.evaluation import report as evaluation_reports
from lpm_secure.evaluation.config import HALVES, Half
from lpm_secure.evaluation.config import load as load_evaluation
from lpm_secure.evaluation.job import EvaluationResult
from lpm_secure.report import folder as folders
from lpm_secure.scenario.progress import watch_rounds
from lpm_secure.scenario.results.analysis import Analysis
from protocols.errors import ConfigError, ParameterError


def evaluate(
    config: Path | str,
    *,
    out: Path | str = "runs",
    half: Half | None = None,
    model: bool = True,
    progress: bool = True,
) -> Analysis[EvaluationResult]:
    """Score forecasts at many origins, beside baselines and combined with them, as `lpm evaluate` does.

    Fits of origins that `OUT/NAME` has are taken, so what was interrupted goes on.

    Args:
        config: the path of an evaluation's configuration.
        out: the folder `NAME` is made in it.
        half: of the origins, "tuning" or "judged"; both unless given.
        model: fit the model; else baselines alone are scored.
        progress: show how far it is.

    Returns:
        Tables `evaluation` (a row for each target, horizon in periods, origin and method: weighted interval scores, and
        what share of values intervals held), `evaluation_summary` and `evaluation_pairs`.

    Raises:
        ParameterError: a mistake in the input; of it ConfigError and DataError are.
        ProtocolError: a fit cannot go on.
    """
    if half not in (None, *HALVES):
        raise ParameterError(f"half is {half!r}; give {' or '.join(HALVES)}, or leave it out")
    content, calibration = load_evaluation(Path(config))
    folder = Path(out) / content.name
    folder.mkdir(parents=True, exist_ok=True)
    with watch_rounds(content.name, shown=progress) as on_round:
        result = evaluations.evaluate(
            content,
            calibration,
            folder,
            halves=HALVES if half is None else (half,),
            model=model,
            on_round=on_round,
        )
    return Analysis.write(result, evaluation_reports.summary_of(result, folder), folder)


def assimilate(
    config: Path | str,
    *,
    out: Path | str = "runs",
    until: int | None = None,
    ahead: int = AHEAD,
    refit_every: int | None = None,
    progress: bool = True,
) -> Analysis[AssimilationResult]:
    """Let a finished calibration follow the periods that have come since, as `lpm assimilate` does.

    Args:
        config: the path of the calibration's configuration, whose tables have new rows.
        out: where `calibrate` has left the folder `NAME`; `NAME-assimilation` is made in it.
        until: how many periods are known by the last one, from the first on; all unless given.
        ahead: periods that are forecast each time, 1 to 104.
        refit_every: fit every so many-th period from the prior too, and compare; none unless given.
        progress: show how far it is.

    Returns:
        Tables `assimilation` (a row for each period: rounds, institutions, scores) and `forecast` (quantiles of what
        comes after the last period, in the unit of the series).

    Raises:
        ParameterError: a mistake in the input, nothing has come since, or there is no finished calibration.
        ProtocolError: a fit cannot go on.
    """
    if not 1 <= ahead <= 104 or (refit_every is not None and refit_every < 1):
        raise ParameterError(f"got ahead = {ahead}, refit_every = {refit_every}; give 1 to 104 periods, and 1 or more")
    content = load_series(Path(config))
    calibrated = folders.last_of(Path(out), content.name)
    folder = calibrated.with_name(f"{calibrated.name}-assimilation")
    with watch_rounds(content.name, shown=progress) as on_round:
        result = assimilations.assimilate(
            content, calibrated, folder, until=until, ahead=ahead, refit_every=refit_every, on_round=on_round
        )
    return Analysis.write(result, assimilation_reports.summary_of(result, folder), folder)


def amortise(
    config: Path | str,
    *,
    out: Path | str = "runs",
    resume: bool = False,
    periods: int | None = None,
    compare: bool = False,
    progress: bool = True,
) -> Analysis[AmortisationResult]:
    """Train a posterior for any number of periods on simulations, and ask it, as `lpm amortise` does.

    Args:
        config: the path of a calibration's configuration.
        out: the folder `NAME` is made in it, or is there from `calibrate`.
        resume: go on from the folder's checkpoint; after the last round the posterior comes at once.
        periods: how many the posterior has read, from the first on; `data.fit_periods` unless given.
        compare: with the fit of `calibrate` in the folder; it is fitted now where there is none.
        progress: show how far it is.

    Returns:
        The table `amortised_posterior`: mean and standard deviation of each parameter in its own unit; and
        `amortised_compared` where it was compared. `.result.z` are draws, float64[draws, parameters].

    Raises:
        ParameterError: a mistake in the input, or a checkpoint and no `resume`.
        ProtocolError: no sum can be released.
    """
    content = load_series(Path(config))
    if compare and periods not in (None, content.data.fit_periods):
        raise ConfigError(
            f"got --compare and --periods {periods}; the fit reads {content.data.fit_periods} periods: ask for as many"
        )
    folder, fitted = folders.last_of(Path(out), content.name), None
    with watch_rounds(f"{content.name}, amortised", shown=progress) as on_round:
        trained = amortisations.amortise(
            content,
            folder,
            periods=periods,
            resume=resume,
            on_round=lambda each: on_round(each.round, content.amortised.rounds, "training"),
        )
    if compare:
        with watch_rounds(f"{content.name}, online fit", shown=progress) as on_round:
            fitted = comparison.online(
                content,
                trained.study,
                folder,
                on_round=lambda fit: on_round(fit.round, content.fit.rounds, f"{fit.members} institutions"),
            )
    return Analysis.write(trained, table.summary_of(trained, fitted), folder)
